"""SchNet (Schuett et al., 2017): continuous filters of the distance, O(N k); it gives no vectors."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.models.baselines.edges import Edges, message_passing_inputs
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class ShiftedSoftplus(nn.Module):
    """ln(0.5 e^x + 0.5): zero at zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        return nn.functional.softplus(x) - math.log(2)


class Interaction(nn.Module):
    """h_i += W_3 ssp(W_2 sum_j (W_1 h_j) * F(d_ij)), the filters F a perceptron of Gaussians of d_ij."""

    def __init__(self, hidden: int, features: int):
        super().__init__()
        self.inner = nn.Linear(hidden, hidden, bias=False)
        self.filter = nn.Sequential(
            nn.Linear(features, hidden), ShiftedSoftplus(), nn.Linear(hidden, hidden), ShiftedSoftplus()
        )
        self.output = nn.Sequential(nn.Linear(hidden, hidden), ShiftedSoftplus(), nn.Linear(hidden, hidden))

    def forward(self, scalars: Tensor, features: Tensor, edges: Edges) -> Tensor:
        """(T, D), (T, K, F) -> (T, D)."""
        messages = edges.senders(self.inner(scalars)) * self.filter(features)
        return scalars + self.output(edges.sum(messages))


class SchNet(nn.Module):
    """SchNet: invariant scalars from scalars and distances; reflections are a symmetry. It gives no vectors.

    Input vectors are not looked at, positions stay.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token; not looked at.
        hidden_dim: D, scalar channels.
        blocks: number of interactions.
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; up to there the Gaussians go.
        gaussians: Gaussians of the distance.
    """

    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        blocks: int = 3,
        *,
        edge_dim: int = 0,
        radius: float = 10.0,
        gaussians: int = 50,
    ):
        super().__init__()
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.radius = radius
        self.embed = nn.Linear(scalar_dim, hidden_dim)
        self.distance = DistanceFeatures(1.0, gaussians)
        self.blocks = nn.ModuleList(
            Interaction(hidden_dim, self.distance.count + edge_dim) for _ in range(blocks)
        )

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), no vectors (T, 0, 3) and the positions (T, 3) as they were.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        features = torch.cat([self.distance(edges.offsets(positions)), edges.features], dim=-1)
        scalars = self.embed(batch.scalars)
        for block in self.blocks:
            scalars = block(scalars, features, edges)
        return GeometricOutput(scalars, torch.empty_like(batch.positions[:, None][:, :0]), batch.positions)
