"""A batch whose tokens are sharded: each rank holds one contiguous range of all packed tokens."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor

from geometric_hyena.distributed.collectives import sum_over_ranks
from geometric_hyena.distributed.convolution import sharded_convolution
from geometric_hyena.distributed.halo import Halo
from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.distributed.transposed import even_bounds
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import GeometricBatch
from geometric_hyena.geometry.neighbors import Neighbors
from geometric_hyena.operators.convolution import SequenceConvolution
from geometric_hyena.operators.convolution_request import Parts
from geometric_hyena.operators.segments import Piece, Run, equal_length_runs, pieces


class TokenSharding:
    """Which tokens are whose, and what of them the layers need: see `operators.sharding.Sharding`.

    Attributes:
        bounds: (P + 1) where each rank's tokens begin, and T.
        tokens: how many tokens there are in all, T.
        ranks: the ranks, which count what they move.
    """

    def __init__(self, lengths: Sequence[int], bounds: Sequence[int], table: Tensor, ranks: Ranks):
        self.runs: list[Run] = equal_length_runs(lengths)
        self.bounds, self.ranks = list(bounds), ranks
        self.start, self.stop = bounds[ranks.rank], bounds[ranks.rank + 1]
        self.tokens = bounds[-1]
        self.largest = max(b - a for a, b in pairwise(bounds))
        # A rank without tokens has one empty piece, so that it takes part in all that the others do.
        nothing = Piece(slice(0, 1), slice(0, 0), 0, self.runs[0].length)
        self.pieces = pieces(self.runs, self.start, self.stop) or [nothing]
        self.neighbors = Halo(table, bounds, ranks)
        self.halo = self.neighbors.count

    def fetch(self, rows: Tensor) -> Tensor:
        """Own rows (n, ...) -> those of the halo (h, ...)."""
        return self.neighbors.fetch(rows)

    def give_back(self, grads: Tensor, total: Tensor) -> None:
        """Send gradients to the halo's rows (h, ...) home; add those that come to the own ones (n, ...)."""
        self.neighbors.give_back(grads, total)

    def total(self, partial: Tensor) -> Tensor:
        """Sum over the ranks."""
        return sum_over_ranks(partial, self.ranks, "sum over all tokens")

    def sequence_sums(self, parts: Sequence[Tensor]) -> Tensor:
        """Sums (B, ...) from this rank's parts of them, (count, ...) for each of `pieces`."""
        before = self.pieces[0].sequences.start
        after = sum(run.count for run in self.runs) - self.pieces[-1].sequences.stop
        shape = parts[0].shape[1:]
        ends = parts[0].new_zeros(before, *shape), parts[0].new_zeros(after, *shape)
        return self.total(torch.cat([ends[0], *parts, ends[1]]))

    def convolve(self, convolution: SequenceConvolution, q: Parts, k: Parts, weights: Tensor | None) -> Parts:
        """The convolution of whole sequences, for components (P, C, n) of this rank's tokens."""
        return sharded_convolution(convolution, q, k, weights, self.runs, self.bounds, self.ranks)


def shard_batch(batch: GeometricBatch, group: dist.ProcessGroup | None = None) -> GeometricBatch:
    """This rank's tokens of a batch that every rank was given whole.

    All ranks call it together. Tokens are cut into P contiguous ranges, as even as can be; a sequence may
    span ranks. What the model says of the shard is said of these tokens, in this order.

    Args:
        batch: the same on every rank.
        group: of `torch.distributed`; None for all processes.

    Returns:
        A batch with tensors of n tokens, `lengths` of all sequences, and `sharding`.

    Raises:
        InputError: without a process group, or for a batch that is sharded already.
    """
    if batch.sharding is not None:
        raise InputError("batch: its tokens are sharded already")
    ranks = Ranks(group)
    bounds = even_bounds(batch.positions.shape[0], ranks.size)
    own = slice(bounds[ranks.rank], bounds[ranks.rank + 1])
    table = batch.neighbors
    part = replace(
        batch,
        scalars=batch.scalars[own],
        positions=batch.positions[own],
        vectors=None if batch.vectors is None else batch.vectors[own],
        edge_features=None if batch.edge_features is None else batch.edge_features[own],
        neighbors=Neighbors(table.index[own], table.mask[own]),
        residue_lengths=None,
    )
    return join_shards(part, group)


def join_shards(part: GeometricBatch, group: dist.ProcessGroup | None = None) -> GeometricBatch:
    """A sharded batch of parts that the ranks loaded themselves, so that none ever holds it whole.

    All ranks call it together.

    Args:
        part: tensors of this rank's n tokens, those of rank 0 being the first of all; `lengths` of all
            sequences; `neighbors.index` in numbers of all T tokens.
        group: of `torch.distributed`; None for all processes.

    Raises:
        InputError: without a process group, or where the parts do not add up to the sequences' lengths.
    """
    ranks = Ranks(group)
    counts = torch.zeros(ranks.size, dtype=torch.int64, device=part.positions.device)
    counts[ranks.rank] = part.positions.shape[0]
    bounds = [0, *ranks.sum(counts, "count of tokens").cumsum(0).tolist()]
    total = int(part.lengths.sum())
    if bounds[-1] != total:
        raise InputError(
            f"part: the ranks hold {bounds[-1]} tokens together, the sequences' lengths add up to {total}"
        )
    index = part.neighbors.index
    if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < total:
        raise InputError(f"part: neighbours must be numbers of all tokens, from 0 to {total - 1}")
    sharding = TokenSharding(part.lengths.tolist(), bounds, index, ranks)
    return replace(
        part, neighbors=Neighbors(sharding.neighbors.index, part.neighbors.mask), sharding=sharding
    )


def gather_tokens(own: Tensor, shard: GeometricBatch) -> Tensor:
    """All tokens' rows (T, ...) on every rank, from each rank's own (n, ...); without gradients.

    Raises:
        InputError: for a batch that is not sharded.
    """
    sharding = shard.sharding
    if not isinstance(sharding, TokenSharding):
        raise InputError("shard: expected a batch of shard_batch, got one that is not sharded")
    receive = [b - a for a, b in pairwise(sharding.bounds)]
    rows = own.detach().repeat(sharding.ranks.size, *[1] * (own.ndim - 1))
    return sharding.ranks.all_to_all(
        rows, [own.shape[0]] * sharding.ranks.size, receive, "gathering of tokens"
    )
