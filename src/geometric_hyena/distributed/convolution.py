"""Which tokens have to meet others, and by which of the two ways."""

from bisect import bisect_right
from itertools import pairwise

import torch
from torch import Tensor

from geometric_hyena.distributed.costs import Channels
from geometric_hyena.distributed.four_step import four_step_convolution, matrix_shape
from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.distributed.transposed import Transposition, transposed_convolution
from geometric_hyena.operators.convolution import SequenceConvolution
from geometric_hyena.operators.convolution_request import Parts
from geometric_hyena.operators.segments import Run, equal_length_runs, pieces


def sharded_convolution(
    convolution: SequenceConvolution,
    q: Parts,
    k: Parts,
    weights: Tensor | None,
    runs: list[Run],
    bounds: list[int],
    ranks: Ranks,
) -> Parts:
    """The convolution of sequences at `runs` of all tokens, for components (P, C, n) of this rank's.

    Sequences that lie on one rank are convolved there; only those that span ranks are exchanged.
    """
    start, stop = bounds[ranks.rank], bounds[ranks.rank + 1]
    spanning = _spanning(runs, bounds)
    if not spanning:
        return _here(convolution, q, k, weights, runs, (start, stop))
    shares = [[_overlap(sequence, own) for sequence in spanning] for own in pairwise(bounds)]
    tokens = [sum(b - a for a, b in share) for share in shares]
    # Of the own tokens, parts of such sequences lie at the ends.
    cuts = [(a - start, b - start) for a, b in shares[ranks.rank] if b > a]
    head = cuts[0][1] if cuts and cuts[0][0] == 0 else 0
    tail = tokens[ranks.rank] - head
    ends = _ends(q, head, tail), _ends(k, head, tail)
    if all(_by_fft(convolution, b - a, q[0].shape[1], ranks.size) for a, b in spanning):
        u = _sequence_by_sequence(convolution, *ends, weights, spanning, shares, ranks)
    else:
        met = equal_length_runs(b - a for a, b in spanning)
        plan = Transposition(tokens, q[0].shape[1], ranks)
        u = transposed_convolution(convolution, *ends, weights, met, plan)
    if head + tail == stop - start:
        return u
    between = slice(head, stop - start - tail)
    own = _here(
        convolution,
        tuple(part[..., between] for part in q),
        tuple(part[..., between] for part in k),
        weights,
        runs,
        (start + head, stop - tail),
    )
    return tuple(
        torch.cat([ends[..., :head], part, ends[..., head:]], dim=-1)
        for ends, part in zip(u, own, strict=True)
    )


def _by_fft(convolution: SequenceConvolution, length: int, channels: int, ranks: int) -> bool:
    """Whether the distributed FFT moves fewer numbers through the busiest rank than the transposition."""
    shape = matrix_shape(length, ranks)
    if convolution.padding != "circular" or shape is None:
        return False
    cost = Channels(channels, 1)
    return cost.four_step(ranks, shape[0] * shape[1] / length) < cost.transposition(ranks)


def _sequence_by_sequence(
    convolution: SequenceConvolution,
    q: Parts,
    k: Parts,
    weights: Tensor | None,
    spanning: list[tuple[int, int]],
    shares: list[list[tuple[int, int]]],
    ranks: Ranks,
) -> Parts:
    """The distributed FFTs of the spanning sequences one after the other."""
    found, start = [], 0
    for number in range(len(spanning)):
        tokens = [share[number][1] - share[number][0] for share in shares]
        own = slice(start, start + tokens[ranks.rank])
        start = own.stop
        parts = tuple(x[..., own] for x in q), tuple(x[..., own] for x in k)
        found.append(four_step_convolution(convolution, *parts, weights, tokens, ranks))
    return tuple(torch.cat(parts, dim=-1) for parts in zip(*found, strict=True))


def _spanning(runs: list[Run], bounds: list[int]) -> list[tuple[int, int]]:
    """Begin and end of the sequences that have tokens on several ranks."""
    starts, found = [run.start for run in runs], []
    for bound in bounds[1:-1]:
        run = runs[bisect_right(starts, bound) - 1]
        offset = (bound - run.start) % run.length
        if offset and bound < run.stop:
            found.append((bound - offset, bound - offset + run.length))
    return list(dict.fromkeys(found))


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    start = max(a[0], b[0])
    return start, max(start, min(a[1], b[1]))


def _ends(parts: Parts, head: int, tail: int) -> Parts:
    """The first and the last tokens; the parts themselves where these are all."""
    count = parts[0].shape[-1]
    if head + tail == count:
        return parts
    return tuple(torch.cat([part[..., :head], part[..., count - tail :]], dim=-1) for part in parts)


def _here(
    convolution: SequenceConvolution,
    q: Parts,
    k: Parts,
    weights: Tensor | None,
    runs: list[Run],
    own: tuple[int, int],
) -> Parts:
    """The convolution of sequences that lie on this rank as a whole."""
    found = pieces(runs, *own)
    if not found:  # no tokens: still a function of q and k, whose gradients are waited for
        return tuple(a * b for a, b in zip(q, k, strict=True))
    inside = [Run(p.tokens.start, p.sequences.stop - p.sequences.start, p.length) for p in found]
    return convolution(q, k, weights, inside)
