"""The Geometric Hyena model: embedding projection, a stack of blocks, output scalars, vectors, positions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self, TypedDict

import torch
from torch import Tensor, nn

from geometric_hyena.layers.context_block import GATES, MessageBlock
from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.layers.hyena_block import PADDINGS, GeometricHyenaBlock
from geometric_hyena.layers.normalization import KV_NORMS
from geometric_hyena.layers.projection import EquivariantProjection, Geometry, neighbor_offsets
from geometric_hyena.layers.staging import project
from geometric_hyena.models.inputs import centred_positions, check_features, stacked_vectors
from geometric_hyena.operators.convolution import NORMS
from geometric_hyena.operators.eager import eager
from geometric_hyena.operators.segments import Run, equal_length_runs, expand_to_pieces, expand_to_tokens

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

DISTANCES = ("input", "moved")
# What the switches of the model and its blocks can be set to.
SWITCHES = {
    "gate": GATES,
    "kv_norm": KV_NORMS,
    "padding": PADDINGS,
    "conv_norm": NORMS,
    "distances": DISTANCES,
}


@dataclass(frozen=True)
class GeometricOutput:
    """What a model says of each token: scalars (T, D), vectors (T, C, 3), positions (T, 3).

    `auxiliary` is what a model adds to the loss in training, a number, if anything.
    """

    scalars: Tensor
    vectors: Tensor
    positions: Tensor
    auxiliary: Tensor | None = None

    @classmethod
    def shifted(cls, scalars: Tensor, vectors: Tensor, positions: Tensor, shift: nn.Module) -> Self:
        """With the batch's positions (T, 3) moved by a mix of the vectors: `shift` maps C channels to one."""
        return cls(scalars, vectors, positions + shift(vectors.transpose(1, 2))[..., 0])


class StackOptions(TypedDict, total=False):
    """Options of `GeometricHyena`, explained there, that a stack of other blocks has, too."""

    edge_dim: int
    radius: float
    distance_bumps: int
    distances: str
    global_tokens: int
    local_messages: bool
    global_messages: bool
    dropout: float


class GeometricHyena(nn.Module):
    """Geometric Hyena: global context of N ordered tokens in O(N log N), equivariant under SE(3).

    Scalars are invariant, vectors rotate, positions rotate and shift. Reflections are no symmetry: products
    of scalars with vectors (polar) are added to cross products (axial), so the model tells left from right.
    Positions are centred inside, per sequence.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, scalar channels, and width of the messages.
        vector_channels: C, vector channels; 1 is the paper's reading.
        blocks: number of blocks.
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; the unit in which the model sees positions.
        distance_bumps: Gaussian features of the distance beside its square; 0 as in the paper.
        distances: between which positions messages are sent: "input", the batch's; or "moved", those to which
            the vectors have moved them before each block, as EGNN moves them: more time, and closer to what
            a trajectory does.
        global_tokens: G, global context tokens.
        local_messages: whether neighbours send messages.
        global_messages: whether global context tokens send messages.
        long_conv: whether blocks have the long convolution; without, they are layers of messages.
        gate: what is masked: "qk", the result of the convolution, as in the paper; "k", the keys; or "none".
        kv_norm: norm of keys and values: "l2", "l1", "linf" or "none".
        interaction: whether scalars and vectors meet in the convolution.
        padding: "circular" convolution, or "zero": nothing wraps around the end.
        conv_norm: scale of the convolutions, "length" (1/N), "sqrt_length" or "none".
        dropout: part of the scalars that a training step leaves out, on their way into every block.
        block: what makes a block, called as `GeometricHyenaBlock` is, for a stack of other blocks.
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
        distance_bumps: int = 0,
        distances: str = "input",
        global_tokens: int = 4,
        local_messages: bool = True,
        global_messages: bool = True,
        long_conv: bool = True,
        gate: str = "qk",
        kv_norm: str = "l2",
        interaction: bool = True,
        padding: str = "circular",
        conv_norm: str = "length",
        dropout: float = 0.0,
        block: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        if distances not in DISTANCES:
            raise ValueError(f"distances: expected one of {', '.join(DISTANCES)}, got {distances!r}")
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.distance = DistanceFeatures(radius, distance_bumps)
        self.radius = radius
        projection = {
            "hidden": hidden_dim,
            "edges": self.distance.count + edge_dim,
            "global_tokens": global_tokens,
            "local_messages": local_messages,
            "global_messages": global_messages,
        }
        self.embed_scalars = nn.Linear(scalar_dim, hidden_dim)
        self.embed = EquivariantProjection(
            hidden_dim, 1 + vector_dim, hidden_dim, vector_channels, **projection
        )
        switches = {
            "gate": gate,
            "kv_norm": kv_norm,
            "interaction": interaction,
            "padding": padding,
            "conv_norm": conv_norm,
        }
        with_context = partial(GeometricHyenaBlock, **switches) if long_conv else MessageBlock
        make_block = block or with_context
        self.blocks = nn.ModuleList(
            make_block(hidden_dim, vector_channels, projection=projection) for _ in range(blocks)
        )
        self.moves = None
        if distances == "moved":
            self.moves = nn.ModuleList(_small_move(vector_channels) for _ in range(blocks))
        # Of scalars alone: vectors that are scaled at random are lost on what is told by their lengths.
        self.dropout = nn.Dropout(dropout)
        self.output_norm = nn.LayerNorm(hidden_dim)
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    @eager
    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        check_features(batch, self.dims, sharded=self.takes_shards)
        runs = equal_length_runs(batch.lengths.tolist())
        positions = centred_positions(batch, runs)
        geometry = self._geometry(batch, positions, runs)

        vectors = self.input_vectors(positions, batch.vectors)
        scalars, vectors = project(self.embed, self.embed_scalars(batch.scalars), vectors, geometry)
        for number, block in enumerate(self.blocks):
            if self.moves is not None:
                geometry = self._geometry(batch, self.moved(positions, vectors, number), runs)
            scalars, vectors = block(self.dropout(scalars), vectors, geometry)
        return self.output(scalars, vectors, batch.positions)

    # --- what is done to some tokens or all, (n, ...) each ---

    def input_vectors(self, positions: Tensor, vectors: Tensor | None) -> Tensor:
        """Centred positions (n, 3) in the model's unit, and the batch's vectors, as (n, 1 + V, 3)."""
        return stacked_vectors(positions / self.radius, vectors)

    def moved(self, positions: Tensor, vectors: Tensor, block: int) -> Tensor:
        """Centred positions (n, 3) as the vectors (n, C, 3) that come to a block have moved them."""
        assert self.moves is not None
        return positions + self.radius * self.moves[block](vectors.transpose(1, 2))[..., 0]

    def edges(self, offsets: Tensor, mask: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features (n, K, E) and coefficients (n, K, 4) of the messages over offsets (n, K, 3)."""
        edges = self.distance(offsets)
        if features is not None:
            edges = torch.cat([edges, features], dim=-1)
        kept = mask[..., None].to(offsets.dtype)
        degree = mask.sum(dim=1).clamp(min=1)[:, None, None]
        return edges, torch.cat([kept, kept * offsets / degree], dim=-1)

    def output(self, scalars: Tensor, vectors: Tensor, positions: Tensor) -> GeometricOutput:
        """What the model says, of the last block's features and the batch's positions (n, 3)."""
        return GeometricOutput.shifted(self.output_norm(scalars), vectors, positions, self.shift)

    @property
    def takes_shards(self) -> bool:
        """Whether the tokens of a batch may be sharded over ranks: whether all blocks say so."""
        return all(getattr(block, "takes_shards", False) for block in self.blocks)

    def _geometry(self, batch: "GeometricBatch", positions: Tensor, runs: list[Run]) -> Geometry:
        index, mask, features = batch.neighbors.index, batch.neighbors.mask, batch.edge_features
        sharding = batch.sharding
        known = positions if sharding is None else torch.cat([positions, sharding.fetch(positions)])

        def edges_of(start: int, stop: int) -> tuple[Tensor, Tensor]:
            part = slice(start, stop)
            offsets = neighbor_offsets(positions[part], known, index[part])
            return self.edges(offsets, mask[part], None if features is None else features[part])

        numbers = torch.arange(len(batch.lengths), device=positions.device)
        if sharding is None:
            sequence, start = expand_to_tokens(numbers, runs), 0
        else:
            sequence, start = expand_to_pieces(numbers, sharding.pieces), sharding.start
        shared = (runs, sequence, start, sharding)
        return Geometry.of(positions, index, edges_of, *shared, features=features)


def _small_move(vectors: int) -> nn.Linear:
    """Close to none at first: what is moved changes where the next block moves it."""
    move = nn.Linear(vectors, 1, bias=False)
    nn.init.xavier_uniform_(move.weight, gain=0.001)
    return move
