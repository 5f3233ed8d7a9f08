"""Neighbours across ranks: which rows each rank needs of which, found once per structure."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.operators.derivatives import first_derivatives_only

_SENT = "exchange of neighbours' features"


class Halo:
    """The tokens of other ranks that are neighbours of this rank's, ascending.

    Attributes:
        count: h, how many.
        index: (n, K) the neighbour table in rows of own tokens, followed by the halo.
    """

    def __init__(self, index: Tensor, bounds: Sequence[int], ranks: Ranks):
        """From the own tokens' table (n, K), in numbers of all tokens, and where each rank's begin (P + 1).

        Called by all ranks together: each asks the others for the rows that it needs.
        """
        self.ranks = ranks
        start, stop = bounds[ranks.rank], bounds[ranks.rank + 1]
        outside = (index < start) | (index >= stop)
        needed = torch.unique(index[outside])
        self.count = len(needed)
        self.index = torch.where(outside, stop - start + torch.searchsorted(needed, index), index - start)

        numbers = needed.tolist()
        ends = [bisect_left(numbers, bound) for bound in bounds]
        self.receive = [b - a for a, b in pairwise(ends)]
        one = [1] * ranks.size
        counts = torch.tensor(self.receive, device=index.device)
        self.send: list[int] = ranks.all_to_all(counts, one, one, _SENT).tolist()
        self._rows = ranks.all_to_all(needed, self.receive, self.send, _SENT) - start

    def fetch(self, rows: Tensor) -> Tensor:
        """Own rows (n, ...) -> those of the halo (h, ...)."""
        return _Fetched.apply(rows, self)

    def give_back(self, grads: Tensor, total: Tensor) -> None:
        """Add gradients to rows of the halo (h, ...) to those of their owners, (n, ...)."""
        coming = self.ranks.all_to_all(grads, self.receive, self.send, _SENT)
        total.index_add_(0, self._rows_on(total), coming)

    def fetched(self, rows: Tensor) -> Tensor:
        """The same as `fetch`, unseen by autograd."""
        return self.ranks.all_to_all(rows[self._rows_on(rows)], self.send, self.receive, _SENT)

    def _rows_on(self, like: Tensor) -> Tensor:
        self._rows = self._rows.to(like.device)
        return self._rows


class _Fetched(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, halo: Halo) -> Tensor:
        ctx.halo, ctx.shape = halo, rows.shape
        return halo.fetched(rows)

    @staticmethod
    @first_derivatives_only
    def backward(ctx, grad: Tensor):
        total = grad.new_zeros(ctx.shape)
        ctx.halo.give_back(grad, total)
        return total, None
