"""Models: each takes a `GeometricBatch` and gives scalars, vectors and positions per token."""

from geometric_hyena.models.geometric_hyena import GeometricHyena, GeometricOutput
from geometric_hyena.models.se3_hyena import SE3Hyena

__all__ = ["GeometricHyena", "GeometricOutput", "SE3Hyena"]
