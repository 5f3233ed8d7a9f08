"""Models: each takes a `GeometricBatch` and gives scalars, vectors and positions per token."""

from geometric_hyena.models.g_transformer import GTransformer
from geometric_hyena.models.geometric_hyena import GeometricHyena, GeometricOutput
from geometric_hyena.models.se3_hyena import SE3Hyena
from geometric_hyena.models.se3_transformer import SE3Transformer
from geometric_hyena.models.steerable_hyena import SteerableHyena

__all__ = [
    "GTransformer",
    "GeometricHyena",
    "GeometricOutput",
    "SE3Hyena",
    "SE3Transformer",
    "SteerableHyena",
]
