"""SE(3)-Transformer (Fuchs et al., 2020) by the package se3-transformer-pytorch, as one installs it."""

import contextlib
import io
from typing import TYPE_CHECKING

from torch import nn

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


# The package's default; its heads of 24 channels are made as wide as the features together.
_HEADS = 8


class PackagedSE3Transformer(nn.Module):
    """The package with features of degrees 0 and 1 and eight heads, over one graph.

    It searches the nearest neighbours itself, among all N^2 distances.

    Args:
        scalars: D, channels of both degrees.
        blocks: number of layers.
        neighbors: k, nearest neighbours.

    Raises:
        MissingDependencyError: without se3-transformer-pytorch.
    """

    def __init__(self, scalars: int, blocks: int, *, neighbors: int):
        super().__init__()
        try:
            from se3_transformer_pytorch import SE3Transformer
        except ImportError:
            raise MissingDependencyError(
                "se3-transformer-pytorch", "baselines", "se3-transformer-pytorch"
            ) from None
        self.model = SE3Transformer(
            dim=scalars,
            heads=_HEADS,
            dim_head=max(1, scalars // _HEADS),
            depth=blocks,
            num_degrees=2,
            output_degrees=2,
            num_neighbors=neighbors,
        )

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (N, D), vectors (N, D, 3) and the positions (N, 3), unmoved, of one graph."""
        with contextlib.redirect_stdout(io.StringIO()):  # it tells what it writes into its cache
            out = self.model(batch.scalars[None], batch.positions[None])
        return GeometricOutput(out["0"][0], out["1"][0], batch.positions)
