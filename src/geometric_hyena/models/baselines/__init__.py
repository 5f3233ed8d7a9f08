"""Models of others, for comparison; each takes a `GeometricBatch` and gives a `GeometricOutput`."""
