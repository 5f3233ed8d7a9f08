"""Models: each takes a `GeometricBatch` and gives scalars, vectors and positions per token."""

from geometric_hyena.models.geometric_hyena import GeometricHyena, GeometricOutput
from geometric_hyena.models.steerable_hyena import SteerableHyena

__all__ = ["GeometricHyena", "GeometricOutput", "SteerableHyena"]
