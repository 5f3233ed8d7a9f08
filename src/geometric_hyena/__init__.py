"""SE(3)-equivariant long-convolution networks for large ordered biomolecules.

>>> from geometric_hyena import GeometricGraph, GeometricHyena, collate
>>> batch = collate([GeometricGraph(scalars=features, positions=xyz)])
>>> out = GeometricHyena(scalar_dim=features.shape[1])(batch)
>>> out.scalars, out.vectors, out.positions
"""

from geometric_hyena.errors import GHyenaError, InputError, MissingDependencyError
from geometric_hyena.geometry import GeometricBatch, GeometricGraph, collate
from geometric_hyena.models import (
    GeometricHyena,
    GeometricOutput,
    GTransformer,
    SE3Hyena,
    SE3Transformer,
    SteerableHyena,
)
from geometric_hyena.version import __version__

__all__ = [
    "GHyenaError",
    "GTransformer",
    "GeometricBatch",
    "GeometricGraph",
    "GeometricHyena",
    "GeometricOutput",
    "InputError",
    "MissingDependencyError",
    "SE3Hyena",
    "SE3Transformer",
    "SteerableHyena",
    "__version__",
    "collate",
]
