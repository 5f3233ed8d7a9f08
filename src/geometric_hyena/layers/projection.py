"""Equivariant projection: one layer of EGNN with local messages and messages from global context tokens.

    m_ij = silu(W_l [f_i, f_j, d(x_i, x_j), e_ij])        local messages, j among the neighbours N_i
    m_ig = silu(W_g [f_i, f_g, log(1 + |x_i - x_g|^2)])   messages from global tokens
    f_i' = W_f [f_i, sum_j m_ij, sum_g m_ig]
    v_i' = W_v v_i + 1/|N_i| sum_j (x_i - x_j) W_x m_ij + 1/G sum_g (x_i - x_g) W_xg m_ig

(Geometric Hyena, Eqs. 5-8, for any number of vector channels; the paper's reading is one channel that starts
as the position.) All heads are linear in the messages, so they act on aggregated moments of them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geometric_hyena.layers.global_context import GlobalContext
from geometric_hyena.operators.messages import message_moments
from geometric_hyena.operators.segments import Run


@dataclass(frozen=True)
class Geometry:
    """What all projections of one forward pass share.

    Attributes:
        positions: (T, 3), centred.
        index: (T, K) neighbour table.
        edges: (T, K, E) distance features and edge features.
        coefficients: (T, K, 4), 1 and (x_i - x_j) / |N_i| per neighbour, zero at padding.
        runs: where the sequences lie.
        sequence: (T,) number of each token's sequence.
    """

    positions: Tensor
    index: Tensor
    edges: Tensor
    coefficients: Tensor
    runs: list[Run]
    sequence: Tensor


class Messages(nn.Module):
    """One-layer-perceptron messages, factorised: W [f_i, f_j, e_ij] + b = A_i + B_j + e_ij W_e."""

    def __init__(self, scalars: int, edges: int, hidden: int):
        super().__init__()
        bound = (2 * scalars + edges) ** -0.5  # that of one linear map of the concatenation
        self.receiver = nn.Linear(scalars, hidden)
        self.sender = nn.Linear(scalars, hidden, bias=False)
        self.edges = nn.Parameter(torch.empty(edges, hidden).uniform_(-bound, bound))

    def forward(
        self, receivers: Tensor, senders: Tensor, index: Tensor, edges: Tensor, coefficients: Tensor
    ) -> Tensor:
        """Moments (T, 4, H) of the messages from `senders` (S, D) to `receivers` (T, D)."""
        a, b = self.receiver(receivers), self.sender(senders)
        return message_moments(
            a, b, self.edges.to(a.dtype), index, edges.to(a.dtype), coefficients.to(a.dtype)
        )


class EquivariantProjection(nn.Module):
    """Map scalars (T, D) and vectors (T, C, 3) to scalars and vectors of other widths, with context.

    Args:
        scalars: D, incoming scalar channels.
        vectors: C, incoming vector channels.
        out_scalars: outgoing scalar channels.
        out_vectors: outgoing vector channels.
        hidden: H, width of the messages.
        edges: E, features per edge (distance features and the user's).
        global_tokens: G, number of global context tokens.
        local_messages: whether neighbours send messages.
        global_messages: whether global context tokens send messages.
    """

    def __init__(
        self,
        scalars: int,
        vectors: int,
        out_scalars: int,
        out_vectors: int,
        *,
        hidden: int,
        edges: int,
        global_tokens: int = 4,
        local_messages: bool = True,
        global_messages: bool = True,
    ):
        super().__init__()
        self.local = Messages(scalars, edges, hidden) if local_messages else None
        self.context = GlobalContext(global_tokens) if global_messages else None
        self.distant = Messages(scalars, 1, hidden) if global_messages else None
        moments = hidden * (local_messages + global_messages)
        self.to_scalars = nn.Linear(scalars + moments, out_scalars)
        self.to_vectors = nn.Linear(vectors + moments, out_vectors, bias=False)

    def forward(self, scalars: Tensor, vectors: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor]:
        """(T, D), (T, C, 3) -> (T, out_scalars), (T, out_vectors, 3)."""
        scalar_parts, vector_parts = [scalars], [vectors.transpose(1, 2)]
        for moments in self._moments(scalars, geometry):
            scalar_parts.append(moments[:, 0])
            vector_parts.append(moments[:, 1:])
        out_scalars = self.to_scalars(torch.cat(scalar_parts, dim=-1))
        out_vectors = self.to_vectors(torch.cat(vector_parts, dim=-1)).transpose(1, 2)
        return out_scalars, out_vectors

    def _moments(self, scalars: Tensor, geometry: Geometry) -> list[Tensor]:
        found = []
        if self.local is not None:
            found.append(self.local(scalars, scalars, geometry.index, geometry.edges, geometry.coefficients))
        if self.context is not None and self.distant is not None:
            global_scalars, global_positions = self.context(scalars, geometry.positions, geometry.runs)
            count = self.context.tokens
            own = torch.arange(count, device=scalars.device)
            index = geometry.sequence[:, None] * count + own
            offset = geometry.positions[:, None] - global_positions.flatten(0, 1)[index]
            edges = torch.log1p(offset.square().sum(dim=-1, keepdim=True))
            coefficients = torch.cat([torch.ones_like(edges), offset / count], dim=-1)
            found.append(self.distant(scalars, global_scalars.flatten(0, 1), index, edges, coefficients))
        return found
