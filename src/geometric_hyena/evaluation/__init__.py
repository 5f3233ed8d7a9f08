"""Metrics and the trivial baselines that stand beside every model."""
