"""Benchmarks: side by side in one process, as ratios, after a correctness check that must pass first."""
