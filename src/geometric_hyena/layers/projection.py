"""Equivariant projection: one layer of EGNN with local messages and messages from global context tokens.

    m_ij = silu(W_l [f_i, f_j, d(x_i, x_j), e_ij])        local messages, j among the neighbours N_i
    m_ig = silu(W_g [f_i, f_g, log(1 + |x_i - x_g|^2)])   messages from global tokens
    f_i' = W_f [f_i, sum_j m_ij, sum_g m_ig]
    v_i' = W_v v_i + 1/|N_i| sum_j (x_i - x_j) W_x m_ij + 1/G sum_g (x_i - x_g) W_xg m_ig

(Geometric Hyena, Eqs. 5-8, for any number of vector channels; the paper's reading is one channel that starts
as the position.) All heads are linear in the messages, so they act on aggregated moments of them.

A projection works in two passes, so that it can work on a chunk of tokens at a time (see `staging`): `look`
at all tokens for what they send to others, then `receive`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from geometric_hyena.layers.global_context import GlobalContext
from geometric_hyena.operators.messages import message_moments
from geometric_hyena.operators.segments import Piece, Run, pieces
from geometric_hyena.operators.sharding import Sharding


@dataclass(frozen=True)
class Geometry:
    """What all projections of one forward pass share, for all tokens or for a chunk of them.

    Attributes:
        positions: (n, 3), centred.
        index: (n, K) neighbour table, rows of all T tokens; where these are sharded, of a rank's own tokens
            and then its halo.
        edges: (n, K, E) distance features and edge features.
        coefficients: (n, K, 4), 1 and (x_i - x_j) / |N_i| per neighbour, zero at padding.
        runs: where the sequences lie among all tokens.
        sequence: (n,) number of each token's sequence.
        start: place of the first token among all.
        sharding: the ranks that hold the other tokens, if any do.
        edges_of: (start, stop) to edges and coefficients of these tokens, where `edges` and `coefficients`
            are empty: on long sequences, to which no gradient goes, they are made for a chunk at a time.
    """

    positions: Tensor
    index: Tensor
    edges: Tensor
    coefficients: Tensor
    runs: list[Run]
    sequence: Tensor
    start: int = 0
    sharding: Sharding | None = None
    edges_of: "EdgesOf | None" = None

    @classmethod
    def of(
        cls,
        positions: Tensor,
        index: Tensor,
        edges_of: "EdgesOf",
        *shared: Any,
        features: Tensor | None = None,
    ) -> "Geometry":
        """With the edges of all tokens, or of many tokens with `edges_of`, to make them a chunk at a time.

        Args:
            positions, index, edges_of: the attributes.
            shared: the attributes from `runs` to `sharding`, in their order.
            features: what else than positions edges are made of, if anything.
        """
        nothing = positions.new_empty(len(positions), 0)
        found = replace(cls(positions, index, nothing, nothing, *shared), edges_of=edges_of)
        return found if makes_edges_in_chunks(positions, features) else found.complete()

    @property
    def sequences(self) -> int:
        """Number of sequences."""
        return sum(run.count for run in self.runs)

    @cached_property
    def pieces(self) -> list[Piece]:
        """The sequences and parts of sequences among these tokens."""
        tokens = self.positions.shape[0]
        if self.sharding is not None and tokens == 0:
            return self.sharding.pieces
        return pieces(self.runs, self.start, self.start + tokens)

    @property
    def most_tokens(self) -> int:
        """What every rank decides by: the number of tokens, of the rank that has most of them."""
        return self.positions.shape[0] if self.sharding is None else self.sharding.largest

    def part(self, start: int, stop: int, *differentiable: Tensor) -> "Geometry":
        """The tokens from `start` to `stop`; `differentiable` stand in for positions, edges, coefficients."""
        tensors = differentiable or tuple(
            x[start:stop] for x in (self.positions, self.edges, self.coefficients)
        )
        positions, edges, coefficients = tensors
        if self.edges_of is not None:
            edges, coefficients = self.edges_of(start, stop)
        index, sequence = self.index[start:stop], self.sequence[start:stop]
        start += self.start
        return Geometry(positions, index, edges, coefficients, self.runs, sequence, start, self.sharding)

    def complete(self) -> "Geometry":
        """The same with the edges of all tokens."""
        if self.edges_of is None:
            return self
        edges, coefficients = self.edges_of(0, self.positions.shape[0])
        return replace(self, edges=edges, coefficients=coefficients, edges_of=None)

    def detached(self) -> "Geometry":
        """The same without history for gradients."""
        tensors = {name: getattr(self, name).detach() for name in ("positions", "edges", "coefficients")}
        return replace(self, **tensors)


EdgesOf = Callable[[int, int], tuple[Tensor, Tensor]]


def neighbor_offsets(positions: Tensor, known: Tensor, index: Tensor) -> Tensor:
    """From neighbours to tokens, (n, K, 3): positions (n, 3) less those rows of `known` (T, 3) in (n, K)."""
    # As known[index], in less time.
    return positions[:, None] - known.index_select(0, index.flatten()).view(*index.shape, 3)


# With so many tokens their edges take more memory than it takes time to make them again for every stage.
CHUNKED_EDGES = 1 << 17


def makes_edges_in_chunks(positions: Tensor, features: Tensor | None = None) -> bool:
    """Whether edges are made for a chunk of tokens at a time: of many tokens, to which no gradient goes."""
    if torch.compiler.is_compiling():  # a program for any number of tokens
        return False
    leaves = [x for x in (positions, features) if x is not None]
    needed = torch.is_grad_enabled() and any(x.requires_grad for x in leaves)
    return len(positions) >= CHUNKED_EDGES and not needed


@dataclass(frozen=True)
class Senders:
    """What all tokens send, (T, H), and where its gradient is summed if not by autograd."""

    rows: Tensor | None
    grad: Tensor | None = None


class Messages(nn.Module):
    """One-layer-perceptron messages, factorised: W [f_i, f_j, e_ij] + b = A_i + B_j + e_ij W_e."""

    # The compiled kernels take eight channels at a time. Filled up here, the rows are filled up once.
    LANES = 8

    def __init__(self, scalars: int, edges: int, hidden: int):
        super().__init__()
        self.hidden = hidden
        bound = (2 * scalars + edges) ** -0.5  # that of one linear map of the concatenation
        self.receiver = nn.Linear(scalars, hidden)
        self.sender = nn.Linear(scalars, hidden, bias=False)
        self.edges = nn.Parameter(torch.empty(edges, hidden).uniform_(-bound, bound))

    def forward(
        self, receivers: Tensor, senders: Senders, index: Tensor, edges: Tensor, coefficients: Tensor
    ) -> Tensor:
        """Moments (n, 4, H) of the messages to `receivers` (n, D)."""
        assert senders.rows is not None
        a = self._filled(self.receiver(receivers))
        tensors = senders.rows, self._filled(self.edges), edges, coefficients
        b, edge_map, edges, coefficients = (x.to(a.dtype) for x in tensors)
        moments = message_moments(a, b, edge_map, index, edges, coefficients, sender_grad=senders.grad)
        return moments[..., : self.hidden]

    def rows(self, scalars: Tensor) -> Tensor:
        """What tokens (n, D) send: B, (n, H filled up with zeros)."""
        return self._filled(self.sender(scalars))

    def _filled(self, x: Tensor) -> Tensor:
        missing = -self.hidden % self.LANES
        return nn.functional.pad(x, (0, missing)) if missing else x


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

    @property
    def messages(self) -> list[Messages]:
        """Its kinds of messages, local before those of global tokens."""
        return [m for m in (self.local, self.distant) if m is not None]

    def look(self, scalars: Tensor, geometry: Geometry) -> tuple[Tensor | None, list[Tensor]]:
        """What some tokens send: rows (n, H) to neighbours, and their part of the global tokens."""
        rows = None if self.local is None else self.local.rows(scalars)
        if self.context is None:
            return rows, []
        return rows, self.context(scalars, geometry.positions, geometry.pieces)

    def distant_senders(self, tokens: Tensor | None) -> tuple[Tensor, ...]:
        """Positions (B, G, 3) and messages' rows (B G, H) of the global tokens (B, G, 3 + D)."""
        if tokens is None or self.distant is None:
            return ()
        return tokens[..., :3], self.distant.rows(tokens[..., 3:].flatten(0, 1))

    def receive(
        self,
        scalars: Tensor,
        vectors: Tensor,
        geometry: Geometry,
        local: Senders,
        distant: Sequence[Tensor],
    ) -> tuple[Tensor, Tensor]:
        """(n, D), (3, C, n) -> (out_scalars, n), (3, out_vectors, n)."""
        moments = []
        if self.local is not None:
            edges = geometry.index, geometry.edges, geometry.coefficients
            moments.append(self.local(scalars, local, *edges))
        if distant and self.distant is not None:
            edges = _distant_edges(geometry, distant[0])
            moments.append(self.distant(scalars, Senders(distant[1]), *edges))
        sums, firsts = zip(*(m.split([1, 3], dim=1) for m in moments), strict=True) if moments else ((), ())
        joined = torch.cat([scalars, *(m[:, 0] for m in sums)], dim=-1)
        out_scalars = torch.mm(self.to_scalars.weight, joined.T)
        out_scalars = out_scalars.add_(self.to_scalars.bias[:, None])
        sizes = [vectors.shape[1], *(m.shape[2] for m in firsts)]
        maps = self.to_vectors.weight.split(sizes, dim=1)
        out_vectors = torch.bmm(maps[0].expand(3, -1, -1), vectors.to(maps[0].dtype))
        for map_, first in zip(maps[1:], firsts, strict=True):
            out_vectors = torch.baddbmm(out_vectors, map_.expand(3, -1, -1), first.permute(1, 2, 0))
        return out_scalars, out_vectors


def _distant_edges(geometry: Geometry, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Index (n, G), features (n, G, 1) and coefficients (n, G, 4) of the messages from global tokens."""
    count = positions.shape[1]
    index = geometry.sequence[:, None] * count + torch.arange(count, device=positions.device)
    offsets = geometry.positions[:, None] - positions.flatten(0, 1)[index]
    edges = torch.log1p(offsets.square().sum(dim=-1, keepdim=True))
    return index, edges, torch.cat([torch.ones_like(edges), offsets / count], dim=-1)
