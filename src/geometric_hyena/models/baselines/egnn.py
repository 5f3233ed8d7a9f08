"""EGNN (Satorras et al., 2021): messages between neighbours that move them, O(N k)."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.models.baselines.edges import (
    EdgePerceptron,
    Edges,
    message_passing_inputs,
    perceptron,
    stack_or_empty,
)
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class EGNNLayer(nn.Module):
    """One layer (EGNN, Eqs. 3-7), with phi perceptrons of two layers::

        m_ij = phi_e(h_i, h_j, |x_i - x_j|^2, e_ij)
        s_i  = 1/|N_i| sum_j (x_i - x_j) phi_x(m_ij) + phi_v(h_i) v_i
        h_i  += phi_h(h_i, sum_j m_ij)

    Args:
        hidden: D, scalar channels and width of the perceptrons.
        edges: E, features per edge.
        velocities: V, vectors v per token.
        shifts: C, shifts s per token; 1 as published.
        heard: sums of messages that phi_h is given.
    """

    def __init__(self, hidden: int, edges: int, velocities: int, shifts: int = 1, heard: int = 1):
        super().__init__()
        self.shifts = shifts
        self.message = EdgePerceptron(hidden, 1 + edges, hidden)
        last = nn.Linear(hidden, shifts, bias=False)
        # Small at first, as in the authors' code: offsets of shifted positions grow from layer to layer.
        nn.init.xavier_uniform_(last.weight, gain=0.001)
        self.to_shift = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), last)
        self.to_velocity = perceptron(hidden, hidden, shifts * velocities) if velocities else None
        self.update = perceptron((1 + heard) * hidden, hidden, hidden)

    def forward(
        self, scalars: Tensor, positions: Tensor, velocities: Tensor, edges: Edges
    ) -> tuple[Tensor, Tensor]:
        """(T, D), (T, 3), (T, V, 3) -> scalars (T, D) and shifts (T, C, 3)."""
        messages, shifts = self.exchange(scalars, positions, velocities, edges)
        return self.updated(scalars, messages), shifts

    def exchange(
        self, scalars: Tensor, positions: Tensor, velocities: Tensor, edges: Edges
    ) -> tuple[Tensor, Tensor]:
        """Summed messages (T, D), and shifts (T, C, 3)."""
        offsets = edges.offsets(positions)
        squared = offsets.square().sum(dim=-1, keepdim=True)
        messages = self.message(scalars, torch.cat([squared, edges.features], dim=-1), edges)
        shifts = edges.mean_offset(self.to_shift(messages), offsets)
        if self.to_velocity is not None:
            shifts = shifts + self.to_velocity(scalars).unflatten(-1, (self.shifts, -1)) @ velocities
        return edges.sum(messages), shifts

    def updated(self, scalars: Tensor, *messages: Tensor) -> Tensor:
        """Scalars after the sums of messages, (T, D) each, have been heard."""
        return scalars + self.update(torch.cat([scalars, *messages], dim=-1))


class EGNN(nn.Module):
    """EGNN: scalars invariant, positions rotate and shift; reflections are a symmetry.

    The vectors are what tokens have been moved by, in units of `radius`. With one vector channel that is the
    published model; with more, its last layer makes as many shifts as there are channels.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token, the velocities of the published model.
        hidden_dim: D, scalar channels.
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
        self.embed = nn.Linear(scalar_dim, hidden_dim)
        self.blocks = nn.ModuleList(
            EGNNLayer(hidden_dim, edge_dim, vector_dim, vector_channels if last else 1)
            for last in [False] * (blocks - 1) + [True]
        )

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        velocities = stack_or_empty(batch.vectors, positions)
        scalars, moved = self.embedded(batch), torch.zeros_like(positions)[:, None]
        for block in self.blocks:
            # Only the last layer makes more than one shift.
            scalars, shifts = block(scalars, positions + moved[:, 0], velocities, edges)
            moved = moved + shifts
        return GeometricOutput(scalars, moved, batch.positions + self.radius * moved.mean(dim=1))

    def embedded(self, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) that the first layer starts from."""
        return self.embed(batch.scalars)
