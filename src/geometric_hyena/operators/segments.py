"""Sequences packed end to end, as runs of equal lengths that can be worked on as one dense block."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Run(NamedTuple):
    """`count` consecutive sequences of `length` tokens each, the first at packed token `start`."""

    start: int
    count: int
    length: int

    @property
    def stop(self) -> int:
        """The packed token after the run's last."""
        return self.start + self.count * self.length


def equal_length_runs(lengths: Iterable[int]) -> list[Run]:
    """Group consecutive sequences of equal length: [5, 5, 3] -> [Run(0, 2, 5), Run(10, 1, 3)]."""
    runs: list[Run] = []
    start = 0
    for length in lengths:
        if runs and runs[-1].length == length:
            runs[-1] = runs[-1]._replace(count=runs[-1].count + 1)
        else:
            runs.append(Run(start, 1, length))
        start += length
    return runs


def segment_mean(packed: Tensor, runs: list[Run]) -> Tensor:
    """Mean of a packed tensor (T, ...) over each sequence, (B, ...)."""
    return torch.cat([packed[r.start : r.stop].unflatten(0, (r.count, r.length)).mean(1) for r in runs])


def segment_sum(packed: Tensor, runs: list[Run]) -> Tensor:
    """Sum of a packed tensor (T, ...) over each sequence, (B, ...)."""
    return torch.cat([packed[r.start : r.stop].unflatten(0, (r.count, r.length)).sum(1) for r in runs])


def expand_to_tokens(per_sequence: Tensor, runs: list[Run]) -> Tensor:
    """Repeat a tensor (B, ...) for every token of its sequence, (T, ...)."""
    parts, first = [], 0
    for run in runs:
        block = per_sequence[first : first + run.count]
        parts.append(block[:, None].expand(run.count, run.length, *block.shape[1:]).flatten(0, 1))
        first += run.count
    return torch.cat(parts)
