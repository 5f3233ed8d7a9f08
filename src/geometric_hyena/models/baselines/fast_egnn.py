"""FastEGNN (Zhang et al., 2024): EGNN with a few ordered virtual nodes that see all tokens, O(N k + N C)."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.models.baselines.edges import (
    Edges,
    message_passing_inputs,
    perceptron,
    stack_or_empty,
)
from geometric_hyena.models.baselines.egnn import EGNNLayer
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.operators.segments import Run, expand_to_tokens, segment_mean

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class VirtualNode(nn.Module):
    """Perceptrons of one virtual node c: each has its own, which is what tells them apart.

        m_ic = phi_c(h_i, s_c, |x_i - z_c|^2, G_c)        G_c: row c of the virtual nodes' Gram matrix
        z_c += 1/N sum_i (z_c - x_i) phi_z(m_ic),  s_c += phi_s(s_c, 1/N sum_i m_ic)

    The shifts of token i from it are (x_i - z_c) phi_x(m_ic). In the last layer s_c stays.
    """

    def __init__(self, hidden: int, count: int, shifts: int, last: bool):
        super().__init__()
        self.message = perceptron(2 * hidden + 1 + count, hidden, hidden)
        self.to_shift = perceptron(hidden, hidden, shifts, bias=False)
        self.to_position = perceptron(hidden, hidden, 1, bias=False)
        self.update = None if last else perceptron(2 * hidden, hidden, hidden)

    def forward(
        self, scalars: Tensor, positions: Tensor, node: tuple[Tensor, Tensor, Tensor], runs: list[Run]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Tokens (T, D), (T, 3) and z (B, 3), s (B, D), G (B, C) -> messages (T, D), shifts, new z and s."""
        z, s, gram = node
        offsets = positions - expand_to_tokens(z, runs)
        squared = offsets.square().sum(dim=-1, keepdim=True)
        seen = torch.cat([scalars, expand_to_tokens(torch.cat([s, gram], dim=-1), runs), squared], dim=-1)
        messages = nn.functional.silu(self.message(seen))
        shifts = self.to_shift(messages)[..., None] * offsets[:, None]
        z = z - segment_mean(self.to_position(messages) * offsets, runs)
        if self.update is not None:
            s = s + self.update(torch.cat([s, segment_mean(messages, runs)], dim=-1))
        return messages, shifts, z, s


class FastEGNNLayer(nn.Module):
    """EGNN's layer, whose shifts and scalars hear the virtual nodes, too (each the mean over them)."""

    def __init__(self, hidden: int, edges: int, velocities: int, count: int, shifts: int, last: bool):
        super().__init__()
        self.local = EGNNLayer(hidden, edges, velocities, shifts, heard=2)
        self.virtual = nn.ModuleList(VirtualNode(hidden, count, shifts, last) for _ in range(count))

    def forward(
        self,
        scalars: Tensor,
        positions: Tensor,
        velocities: Tensor,
        edges: Edges,
        nodes: tuple[Tensor, Tensor],
        runs: list[Run],
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Scalars (T, D), shifts (T, C, 3) and the virtual nodes' positions and scalars."""
        messages, shifts = self.local.exchange(scalars, positions, velocities, edges)
        z, s = nodes
        relative = z - segment_mean(positions, runs)[:, None]
        gram = relative @ relative.transpose(1, 2)
        found = [
            node(scalars, positions, (z[:, c], s[:, c], gram[:, c]), runs)
            for c, node in enumerate(self.virtual)
        ]
        heard, pulls, z_parts, s_parts = (torch.stack(parts, dim=1) for parts in zip(*found, strict=True))
        scalars = self.local.updated(scalars, messages, heard.mean(dim=1))
        return scalars, shifts + pulls.mean(dim=1), (z_parts, s_parts)


class FastEGNN(nn.Module):
    """FastEGNN: global context through virtual nodes; symmetries and vectors are those of `EGNN`.

    Virtual nodes start at the centroid. In training the output carries `auxiliary`, half the maximum mean
    discrepancy between virtual nodes and tokens, with a Gaussian of width `radius`: it spreads the nodes over
    the molecule. (Published: tokens where they are to be; a model knows where they are.)

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token, the velocities of the published model.
        hidden_dim: D, scalar channels.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring.
        radius: the unit in which the model sees positions, angstrom.
        virtual_nodes: number of virtual nodes.
        discrepancy: weight of the maximum mean discrepancy.
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
        virtual_nodes: int = 3,
        discrepancy: float = 0.5,
    ):
        super().__init__()
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.radius, self.discrepancy = radius, discrepancy
        self.embed = nn.Linear(scalar_dim, hidden_dim)
        self.virtual_scalars = nn.Parameter(torch.randn(virtual_nodes, hidden_dim))
        self.blocks = nn.ModuleList(
            FastEGNNLayer(
                hidden_dim, edge_dim, vector_dim, virtual_nodes, vector_channels if last else 1, last
            )
            for last in [False] * (blocks - 1) + [True]
        )

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, runs = message_passing_inputs(batch, self.dims, self.radius)
        velocities = stack_or_empty(batch.vectors, positions)
        scalars, moved = self.embed(batch.scalars), torch.zeros_like(positions)[:, None]
        count, sequences = len(self.virtual_scalars), len(batch.lengths)
        nodes = positions.new_zeros(sequences, count, 3), self.virtual_scalars.expand(sequences, -1, -1)
        for block in self.blocks:
            at = positions + moved[:, 0]
            scalars, shifts, nodes = block(scalars, at, velocities, edges, nodes, runs)
            moved = moved + shifts
        auxiliary = None
        if self.training and self.discrepancy:
            auxiliary = self.discrepancy * mean_discrepancy(nodes[0], positions, runs)
        shifted = batch.positions + self.radius * moved.mean(dim=1)
        return GeometricOutput(scalars, moved, shifted, auxiliary)


def mean_discrepancy(nodes: Tensor, positions: Tensor, runs: list[Run]) -> Tensor:
    """Squared maximum mean discrepancy of C nodes and N tokens, less what nodes cannot change.

        1/C^2 sum_cd k(z_c, z_d) - 2/(N C) sum_ic k(x_i, z_c),   k(a, b) = exp(-|a - b|^2 / 2)

    Args:
        nodes: (B, C, 3).
        positions: (T, 3).
        runs: the sequences.

    Returns:
        The mean over sequences.
    """

    def kernel(offsets: Tensor) -> Tensor:
        return torch.exp(-0.5 * offsets.square().sum(dim=-1))

    among = kernel(nodes[:, :, None] - nodes[:, None]).mean(dim=(1, 2))
    across = segment_mean(kernel(positions[:, None] - expand_to_tokens(nodes, runs)), runs).mean(dim=1)
    return (among - 2 * across).mean()
