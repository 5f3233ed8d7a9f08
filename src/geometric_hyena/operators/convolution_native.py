"""Convolutions on the processor by compiled kernels around FFT plans that are made once.

Nothing lies between the tokens and the result but one thread's spectra of one sequence of one channel. Every
row is transformed by itself, so that a sequence's result does not depend on what else is convolved.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.operators import mkl
from geometric_hyena.operators.convolution_kernels import backward_items, forward_items
from geometric_hyena.operators.convolution_request import Gradients, Parts, Request
from geometric_hyena.operators.fft import fft_length
from geometric_hyena.operators.products import Term
from geometric_hyena.operators.segments import Run
from geometric_hyena.operators.threads import in_threads, share_count, shares
from geometric_hyena.operators.workspace import keep_freed_memory, scratch

# Transformed numbers of a component that are worth a thread.
_SHARE = 1 << 14
# Rows begin at multiples of so many numbers.
_ALIGN = 16
# Sequences of no more tokens are summed directly: their FFTs cost more.
DIRECT_TOKENS = 6


def serves(request: Request) -> bool:
    """Whether the kernels know the product and the library of FFTs is there."""
    return (request.weights is None) == (request.product.geometric is None) and mkl.available()


def forward(out: Parts, q: Parts, k: Parts, request: Request, keep: bool) -> list[Tensor]:
    """Write the convolution into `out`, which may be `q`; the spectra of q and k if they are to be kept."""
    keep_freed_memory()
    product, weights, like = request.product, request.weights, q[0]
    table = _table(tuple(request.runs), tuple(request.scales), like.dtype)
    sizes = product.query_size + product.key_size
    kept = [like.new_empty(like.shape[1] * sizes * table.step)] if keep else []
    overlaid = weights is not None and not table.direct
    rows = product.out_size if keep else sizes + product.out_size * (not overlaid)
    arguments = (
        _components((*q, *k, *out), like),
        product.query_size,
        product.key_size,
        *_weights(weights, like),
        *_terms(product.geometric or product.terms, like.dtype),
        kept[0].data_ptr() if keep else 0,
        table.step,
    )
    _over_items(forward_items, table, arguments, rows, like)
    return kept


def backward(
    grads: Parts, q: Parts, k: Parts, kept: list[Tensor], request: Request, wanted: Gradients
) -> None:
    """Write the gradients that are wanted; of q and k, where `kept`, only the shapes are needed."""
    product, like, channels = request.product, grads[0], grads[0].shape[1]
    table = _table(tuple(request.runs), tuple(request.scales), like.dtype)
    items = channels * len(table.sequences)
    sums = np.empty((0 if wanted.weights is None else items, 5))
    largest = max(product.query_size, product.key_size)
    rows = product.out_size + largest + (0 if kept else product.query_size + product.key_size)
    arguments = (
        _components((*grads, *q, *k, *(wanted.q or ()), *(wanted.k or ())), like),
        product.out_size,
        product.query_size,
        product.key_size,
        wanted.q is not None,
        wanted.k is not None,
        *_weights(request.weights, like),
        *_terms(product.query_adjoint.geometric or product.query_adjoint.terms, like.dtype),
        *_terms(product.key_adjoint.geometric or product.key_adjoint.terms, like.dtype),
        kept[0].data_ptr() if kept else 0,
        table.step,
        sums,
    )
    _over_items(backward_items, table, arguments, rows, like)
    if wanted.weights is not None:
        wanted.weights.copy_(torch.from_numpy(sums).view(channels, -1, 5).sum(dim=1).T)


class _Table(NamedTuple):
    """Sequences as the kernels take them, numbers of a component's spectra, and what must stay alive.

    `direct`: some sequences are summed directly.
    """

    sequences: np.ndarray
    scales: np.ndarray
    step: int
    longest: int
    direct: bool
    plans: list[mkl.Plan]


@lru_cache(maxsize=16)
def _table(runs: tuple[Run, ...], scales: tuple[float, ...], dtype: torch.dtype) -> _Table:
    rows, plans = [], []
    for run in runs:
        transform, plan = 0, 0
        if run.length > DIRECT_TOKENS:
            transform = fft_length(run.length)
            plans.append(mkl.plan(transform, dtype))
            plan = plans[-1].address
        step = -(-max(run.length, transform + 2) // _ALIGN) * _ALIGN
        rows.append((run.start, run.length, transform, plan, step, 0))
    counts = [run.count for run in runs]
    table = np.repeat(np.array(rows, np.int64), counts, axis=0)
    table[:, 0] += np.concatenate([np.arange(n) for n in counts]) * table[:, 1]
    ends = np.cumsum(table[:, 4])
    table[:, 5] = ends - table[:, 4]
    s = torch.tensor(scales, dtype=dtype).numpy().repeat(counts)
    direct = bool((table[:, 2] == 0).any())
    return _Table(table, s, int(ends[-1]), int(table[:, 4].max()), direct, plans)


@lru_cache
def _terms(
    terms: tuple[Term, ...] | tuple[tuple[int, float], ...], dtype: torch.dtype
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of the weights of a geometric product, or the terms of another, and the signs of either."""
    order = [t[0] for t in terms if not isinstance(t, Term)]
    others = [t for t in terms if isinstance(t, Term)]
    signs = [t.sign if isinstance(t, Term) else t[1] for t in terms]
    places = np.array([t[:3] for t in others], np.int64).reshape(-1, 3)
    return np.array(order, np.int64), places, torch.tensor(signs, dtype=dtype).numpy()


def _components(parts: Parts, like: Tensor) -> np.ndarray:
    """Address of each component, and numbers from one of its channels to the next."""
    numbers: list[int] = []
    shape, dtype, size = like.shape[1:], like.dtype, like.itemsize
    for part in parts:
        if part.shape[1:] != shape or part.dtype != dtype:
            raise ValueError(
                f"expected components of {tuple(shape)} {dtype}, got {tuple(part.shape[1:])} {part.dtype}"
            )
        component, channel, _ = part.stride()
        address = part.data_ptr()
        for p in range(part.shape[0]):
            numbers += (address + p * component * size, channel)
    return np.array(numbers, np.int64).reshape(-1, 2)


def _weights(weights: Tensor | None, like: Tensor) -> tuple[int, int, int]:
    """Address of the weights, 0 where there are none; numbers from one to the next, and between channels."""
    if weights is None:
        return 0, 0, 0
    if weights.shape != (5, like.shape[1]) or weights.dtype != like.dtype:
        raise ValueError(
            f"weights: expected (5, {like.shape[1]}) {like.dtype}, got {tuple(weights.shape)} {weights.dtype}"
        )
    weight_step, channel_step = weights.stride()
    return weights.data_ptr(), weight_step, channel_step


def _over_items(kernel, table: _Table, arguments: tuple, rows: int, like: Tensor) -> None:
    """Run a kernel over all items, in threads that have scratch memory of `rows` spectra each."""
    channels = like.shape[1]
    items, numbers = channels * len(table.sequences), rows * table.longest
    parts = shares(0, items, share_count(channels * table.step, _SHARE))
    memory = scratch("items", (len(parts), numbers), like.dtype, like.device)
    common = (table.sequences, table.scales, *arguments)
    calls = [(*common, own.data_ptr(), _ffts(), *part) for own, part in zip(memory, parts, strict=True)]
    failed = [status for status in in_threads(kernel, calls) if status]
    if failed:
        raise RuntimeError(f"the FFT library failed with status {failed[0]}")


@lru_cache
def _ffts() -> np.ndarray:
    return np.array(mkl.functions(), np.int64)
