"""Models: each takes a `GeometricBatch` and gives scalars, vectors and positions per token."""

from geometric_hyena.models.geometric_hyena import GeometricHyena, GeometricOutput

__all__ = ["GeometricHyena", "GeometricOutput"]
