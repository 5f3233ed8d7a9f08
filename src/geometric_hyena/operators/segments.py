"""Sequences packed end to end, as runs of equal lengths that can be worked on as one dense block."""

from collections.abc import Iterable, Sequence
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


class Piece(NamedTuple):
    """What a chunk of packed tokens holds of a run: whole sequences, or a part of one.

    `sequences` are their numbers, `tokens` their places in the chunk, `offset` the place of the first token
    in its sequence and `length` that of a whole sequence.
    """

    sequences: slice
    tokens: slice
    offset: int
    length: int


def pieces(runs: Iterable[Run], start: int, stop: int) -> list[Piece]:
    """Cut the packed tokens from `start` to `stop` where runs begin and where sequences are incomplete."""
    found: list[Piece] = []
    first = 0
    for run in runs:
        at, end = max(start, run.start), min(stop, run.stop)
        while at < end:
            number, offset = divmod(at - run.start, run.length)
            whole = 0 if offset else (end - at) // run.length
            count, size = (whole, whole * run.length) if whole else (1, min(run.length - offset, end - at))
            sequences = slice(first + number, first + number + count)
            found.append(Piece(sequences, slice(at - start, at - start + size), offset, run.length))
            at += size
        first += run.count
    return found


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


def piece_sums(packed: Tensor, found: Sequence[Piece]) -> list[Tensor]:
    """Sum of packed tokens (n, ...) over each piece's sequences or parts of one, (count, ...) each."""
    return [
        packed[piece.tokens].unflatten(0, (piece.sequences.stop - piece.sequences.start, -1)).sum(1)
        for piece in found
    ]


def expand_to_pieces(per_sequence: Tensor, found: Sequence[Piece]) -> Tensor:
    """Repeat a tensor (B, ...) for every token of the pieces, (n, ...)."""
    parts = []
    for piece in found:
        block = per_sequence[piece.sequences]
        length = (piece.tokens.stop - piece.tokens.start) // block.shape[0]
        parts.append(block[:, None].expand(-1, length, *block.shape[1:]).flatten(0, 1))
    return torch.cat(parts)


def pad_sequences(parts: tuple[Tensor, ...], runs: list[Run]) -> tuple[list[Run], tuple[Tensor, ...]]:
    """Follow every sequence in (..., T) by as many zeros as it has tokens; also the runs of the result."""
    doubled = [Run(2 * run.start, run.count, 2 * run.length) for run in runs]
    padded = []
    for part in parts:
        blocks = [part[..., r.start : r.stop].unflatten(-1, (r.count, r.length)) for r in runs]
        filled = [torch.nn.functional.pad(block, (0, block.shape[-1])).flatten(-2) for block in blocks]
        padded.append(torch.cat(filled, dim=-1))
    return doubled, tuple(padded)


def unpad_sequences(parts: tuple[Tensor, ...], runs: list[Run]) -> tuple[Tensor, ...]:
    """Keep the first half of every sequence in (..., 2 T); the inverse of `pad_sequences`."""
    kept = []
    for part in parts:
        blocks = [
            part[..., 2 * r.start : 2 * r.stop].unflatten(-1, (r.count, 2 * r.length))[..., : r.length]
            for r in runs
        ]
        kept.append(torch.cat([block.flatten(-2) for block in blocks], dim=-1))
    return tuple(kept)
