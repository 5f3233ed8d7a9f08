"""Radial field (Koehler et al., 2019), as EGNN's authors compare it: distances alone move tokens, O(N k)."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.models.baselines.edges import (
    Edges,
    distances,
    message_passing_inputs,
    no_scalars,
    perceptron,
    stack_or_empty,
)
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class RadialFieldLayer(nn.Module):
    """s_i = 1/|N_i| sum_j (x_i - x_j) tanh(phi(|x_i - x_j|, e_ij)) + phi_v(|v_i|) v_i."""

    def __init__(self, hidden: int, edges: int, velocities: int, shifts: int = 1):
        super().__init__()
        self.shifts = shifts
        self.field = perceptron(1 + edges, hidden, shifts, bias=False)
        self.to_velocity = perceptron(velocities, hidden, shifts * velocities) if velocities else None

    def forward(self, positions: Tensor, velocities: Tensor, edges: Edges) -> Tensor:
        """(T, 3), (T, V, 3) -> shifts (T, C, 3)."""
        offsets = edges.offsets(positions)
        field = self.field(torch.cat([distances(offsets), edges.features], dim=-1))
        shifts = edges.mean_offset(torch.tanh(field), offsets)
        if self.to_velocity is None:
            return shifts
        speeds = distances(velocities)[..., 0]
        return shifts + self.to_velocity(speeds).unflatten(-1, (self.shifts, -1)) @ velocities


class RadialField(nn.Module):
    """Radial field: positions rotate and shift; reflections are a symmetry. It gives no scalars.

    It looks at positions, vectors and edge features, not at scalars. The vectors are what tokens have been
    moved by, in units of `radius`; one channel is the published model, see `EGNN`.

    Args:
        scalar_dim: S, scalar features per token; not looked at.
        vector_dim: V, input vectors per token, the velocities.
        hidden_dim: width of the perceptrons.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring.
        radius: the unit in which the model sees positions, angstrom.
    """

    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        vector_channels: int = 8,
        blocks: int = 3,
        *,
        edge_dim: int = 0,
        radius: float = 10.0,
    ):
        super().__init__()
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.radius = radius
        self.blocks = nn.ModuleList(
            RadialFieldLayer(hidden_dim, edge_dim, vector_dim, vector_channels if last else 1)
            for last in [False] * (blocks - 1) + [True]
        )

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """No scalars (T, 0), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        velocities, moved = stack_or_empty(batch.vectors, positions), torch.zeros_like(positions)[:, None]
        for block in self.blocks:
            moved = moved + block(positions + moved[:, 0], velocities, edges)
        return GeometricOutput(
            no_scalars(positions), moved, batch.positions + self.radius * moved.mean(dim=1)
        )
