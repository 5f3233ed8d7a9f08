"""Convolution by transposition: from some tokens of all channels to all tokens of some channels, and back.

Each rank convolves its channels with the operator of a single process, at each sequence's own length. So P
ranks give the very numbers of one. See `costs` for when this moves fewer bytes than a distributed FFT.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from geometric_hyena.distributed.collectives import there_and_back
from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.operators.convolution import SequenceConvolution
from geometric_hyena.operators.convolution_request import Parts
from geometric_hyena.operators.derivatives import differentiated
from geometric_hyena.operators.segments import Run

# Numbers that a rank receives at a time: messages wait in buffers, which a long sequence cannot spare.
BUFFER = 1 << 21

_SENT = "transposition for the convolution"


def even_bounds(count: int, ranks: int) -> list[int]:
    """Where each rank's share of `count` begins, and the end."""
    return [rank * count // ranks for rank in range(ranks + 1)]


class Transposition:
    """Who holds which tokens, and which channels.

    Args:
        tokens: m_r of every rank.
        channels: C.
        ranks: the ranks.
    """

    def __init__(self, tokens: Sequence[int], channels: int, ranks: Ranks):
        self.tokens, self.ranks = list(tokens), ranks
        self.first = even_bounds(channels, ranks.size)
        self.counts = [b - a for a, b in pairwise(self.first)]
        self.channels, self.own_channels = channels, self.counts[ranks.rank]
        self.total, self.own_tokens = sum(tokens), self.tokens[ranks.rank]

    @property
    def own(self) -> slice:
        """This rank's channels."""
        return slice(self.first[self.ranks.rank], self.first[self.ranks.rank + 1])

    def rounds(self, components: int = 1) -> list[tuple[int, int]]:
        """The places in every rank's share of channels that fit the buffer together."""
        step = max(1, BUFFER // max(1, components * self.total))
        most = max(self.counts)
        return [(a, min(a + step, most)) for a in range(0, most, step)]

    def gather(self, x: Tensor, places: tuple[int, int], out: Tensor) -> None:
        """Some channels of x (C, m) from all ranks: this rank's into `out`, (c, M)."""
        parts = [x[a:b].reshape(-1) for a, b in self._spans(places)]
        own = self.own_places(places)
        receive = [own * m for m in self.tokens]
        coming = self.ranks.all_to_all(torch.cat(parts), [len(part) for part in parts], receive, _SENT)
        spans = pairwise(accumulate(self.tokens, initial=0))
        for (a, b), part in zip(spans, coming.split(receive), strict=True):
            out[:, a:b] = part.view(own, b - a)

    def scatter(self, u: Tensor, places: tuple[int, int], out: Tensor) -> None:
        """The way back: this rank's channels u (c, M) to all ranks; theirs into `out`, (C, m)."""
        parts = [u[:, a:b].reshape(-1) for a, b in pairwise(accumulate(self.tokens, initial=0))]
        spans = self._spans(places)
        receive = [(b - a) * self.own_tokens for a, b in spans]
        coming = self.ranks.all_to_all(torch.cat(parts), [len(part) for part in parts], receive, _SENT)
        for (a, b), part in zip(spans, coming.split(receive), strict=True):
            out[a:b] = part.view(b - a, self.own_tokens)

    def to_channels(self, x: Tensor) -> Tensor:
        """(P, C, m) -> (P, own channels, M)."""
        out = x.new_empty(x.shape[0], self.own_channels, self.total)
        for component, target in zip(x, out, strict=True):
            for places in self.rounds():
                self.gather(component, places, target[slice(*places)])
        return out

    def to_tokens(self, u: Tensor) -> Tensor:
        """(P, own channels, M) -> (P, C, m)."""
        out = u.new_empty(u.shape[0], self.channels, self.own_tokens)
        for component, target in zip(u, out, strict=True):
            for places in self.rounds():
                self.scatter(component[slice(*places)], places, target)
        return out

    def _spans(self, places: tuple[int, int]) -> list[tuple[int, int]]:
        """Of all ranks' channels those at these places of their shares."""
        found = []
        for first, count in zip(self.first, self.counts, strict=False):
            start = first + min(places[0], count)
            found.append((start, start + _within(places, count)))
        return found

    def own_places(self, places: tuple[int, int]) -> int:
        """How many of these places this rank's share has."""
        return _within(places, self.own_channels)


def _within(places: tuple[int, int], count: int) -> int:
    return max(0, min(places[1], count) - places[0])


def transposed_convolution(
    convolution: SequenceConvolution,
    q: Parts,
    k: Parts,
    weights: Tensor | None,
    runs: list[Run],
    plan: Transposition,
) -> Parts:
    """The convolution of sequences at `runs` of all ranks' tokens M, for components (P, C, m) of this rank's.

    Without gradients the result takes the place of `q`, where it has its shape.
    """
    if differentiated(*(x for x in (*q, *k, weights) if x is not None)):
        to_channels, to_tokens = plan.to_channels, plan.to_tokens
        q, k = (tuple(there_and_back(part, to_channels, to_tokens) for part in parts) for parts in (q, k))
        u = _own_channels(convolution, q, k, None if weights is None else weights[:, plan.own], runs)
        del q, k
        return tuple(there_and_back(part, to_tokens, to_channels) for part in u)
    for places in plan.rounds(sum(part.shape[0] for part in (*q, *k))):
        gathered = []
        for part in (*q, *k):
            gathered.append(part.new_empty(part.shape[0], plan.own_places(places), plan.total))
            for component, target in zip(part, gathered[-1], strict=True):
                plan.gather(component, places, target)
        some = None if weights is None else weights[:, plan.own][:, slice(*places)]
        u = _own_channels(convolution, tuple(gathered[: len(q)]), tuple(gathered[len(q) :]), some, runs)
        del gathered
        for part, target in zip(u, q, strict=True):
            for component, row in zip(part, target, strict=True):
                plan.scatter(component, places, row)
    return q


def _own_channels(convolution, q: Parts, k: Parts, weights: Tensor | None, runs: list[Run]) -> Parts:
    # A rank without channels: nothing, but still a function of q and k, whose gradients others wait for.
    if q[0].shape[1] == 0:
        return tuple(a * b for a, b in zip(q, k, strict=True))
    return convolution(q, k, weights, runs)
