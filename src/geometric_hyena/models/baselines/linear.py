"""Linear motion: x + s v with learned s, O(N)."""

from typing import TYPE_CHECKING

from torch import nn

from geometric_hyena.errors import InputError
from geometric_hyena.models.baselines.edges import mixed_channels, no_scalars
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.inputs import check_features

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class LinearMotion(nn.Module):
    """Every vector of a token is a learned mix of its input vectors, the same mix for all tokens.

    Vectors rotate, positions rotate and shift; reflections are a symmetry. It gives no scalars.

    Args:
        scalar_dim: S, scalar features per token; not looked at.
        vector_dim: V, input vectors per token, at least 1.
        vector_channels: C, vectors per token in the output.
        edge_dim: E, features per edge that the graphs bring; not looked at.

    Raises:
        InputError: where there are no input vectors.
    """

    def __init__(self, scalar_dim: int, vector_dim: int = 1, vector_channels: int = 8, *, edge_dim: int = 0):
        super().__init__()
        if vector_dim < 1:
            raise InputError("linear: scales the input's vectors, and there are none; give velocities")
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.scale = nn.Linear(vector_dim, vector_channels, bias=False)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """No scalars (T, 0), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        check_features(batch, self.dims)
        assert batch.vectors is not None
        vectors = mixed_channels(self.scale, batch.vectors)
        return GeometricOutput(no_scalars(batch.positions), vectors, batch.positions + vectors.mean(dim=1))
