"""Training: configuration, tasks, the loop on Lightning, checkpoints and run directories."""
