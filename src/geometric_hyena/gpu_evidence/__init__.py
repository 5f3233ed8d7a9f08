"""What a machine with a GPU is asked: `python -m geometric_hyena.gpu_evidence`, or `make gpu-evidence`."""
