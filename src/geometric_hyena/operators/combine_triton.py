"""The geometric product of spectra on a GPU in one pass over memory, compiled by Triton.

Triton knows no complex numbers: spectra are read as real ones, real and imaginary parts in turns.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

# Bins that a program works on at a time: two a thread, so that all components fit its registers.
_BLOCK = 256
# Bins that a program sums before its sums go to memory.
_SPAN = 2048
_WARPS = 4


def geometric_product(
    order: tuple[tuple[int, float], ...], q: Tensor, k: Tensor, weights: Tensor, conjugate: bool
) -> Tensor:
    """The geometric product of spectra (4, c, B, F) complex64, with k conjugated where asked.

    Args:
        order: of the five weights, which ones they are and their signs (`BilinearProduct.geometric`).
        q: (4, c, B, F).
        k: (4, c, B, F).
        weights: (5, c) float32.
        conjugate: multiply with the conjugate of `k`.

    Returns:
        (4, c, B, F).
    """
    channels, count, bins = q.shape[1:]
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    if out.numel() == 0:
        return out
    block = _block(bins)
    launch: Any = _product[(channels * count * -(-bins // block),)]
    with torch.cuda.device_of(q):
        launch(
            _as_reals(q),
            _as_reals(k),
            weights.contiguous(),
            torch.view_as_real(out),
            channels,
            count,
            bins,
            -1.0 if conjugate else 1.0,
            ORDER=tuple(index for index, _ in order),
            SIGNS=tuple(sign for _, sign in order),
            BLOCK=block,
            num_warps=_WARPS,
        )
    return out


def geometric_term_sums(q: Tensor, k: Tensor, g: Tensor, first: float, half: bool) -> Tensor:
    """Sums over bins of Re(q k conj(g)) for the five groups of terms, in an order fixed by the shapes alone.

    Args:
        q: (4, c, B, F) complex64.
        k: (4, c, B, F).
        g: (4, c, B, F).
        first: how much the first bin counts; those after it count twice.
        half: the last bin counts once.

    Returns:
        (5, c) float32.
    """
    channels, count, bins = q.shape[1:]
    parts = -(-bins // _SPAN)
    sums = torch.empty(5, channels, count * parts, device=q.device)
    if sums.numel() == 0:
        return torch.zeros(5, channels, device=q.device)
    launch: Any = _term_sums[(channels * count * parts,)]
    with torch.cuda.device_of(q):
        launch(
            _as_reals(q),
            _as_reals(k),
            _as_reals(g),
            sums,
            channels * count,
            bins,
            first,
            1.0 if half else 0.0,
            SPAN=_SPAN,
            BLOCK=_block(bins),
            num_warps=_WARPS,
        )
    return sums.sum(dim=2, dtype=torch.float64).to(torch.float32)


def _as_reals(spectrum: Tensor) -> Tensor:
    return torch.view_as_real(spectrum.contiguous())


def _block(bins: int) -> int:
    return min(_BLOCK, max(32, 1 << (bins - 1).bit_length()))


@triton.jit
def _places(row, bins, first, BLOCK: tl.constexpr):
    """Where the numbers of the bins from `first` of a row lie within a component, and which there are."""
    numbers = 2 * first + tl.arange(0, 2 * BLOCK)
    return row * (2 * bins) + numbers, numbers < 2 * bins


@triton.jit
def _load(pointers, there, BLOCK: tl.constexpr):
    """Real and imaginary parts of BLOCK bins, zero where there are none."""
    return tl.split(tl.reshape(tl.load(pointers, mask=there, other=0.0), (BLOCK, 2)))


@triton.jit
def _times(a, b):
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


@triton.jit
def _cross(ay, az, by, bz):
    """One component of a x b."""
    plus, minus = _times(ay, bz), _times(az, by)
    return plus[0] - minus[0], plus[1] - minus[1]


@triton.jit
def _dot(a1, a2, a3, b1, b2, b3):
    x, y, z = _times(a1, b1), _times(a2, b2), _times(a3, b3)
    return x[0] + y[0] + z[0], x[1] + y[1] + z[1]


@triton.jit
def _store_sum(pointers, there, w, x, v, y):
    """w x + v y."""
    tl.store(pointers, tl.interleave(w * x[0] + v * y[0], w * x[1] + v * y[1]), mask=there)


@triton.jit
def _store_vector(pointers, there, w2, w3, w4, x, y, z):
    """w2 x + w3 y + w4 z."""
    real = w2 * x[0] + w3 * y[0] + w4 * z[0]
    imag = w2 * x[1] + w3 * y[1] + w4 * z[1]
    tl.store(pointers, tl.interleave(real, imag), mask=there)


@triton.jit(do_not_specialize=["channels", "count", "bins", "conjugate"])
def _product(
    q, k, weights, out, channels, count, bins, conjugate,
    ORDER: tl.constexpr, SIGNS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A block of bins of one channel of one sequence."""
    blocks = tl.cdiv(bins, BLOCK)
    row = (tl.program_id(0) // blocks).to(tl.int64)
    places, there = _places(row, bins, tl.program_id(0) % blocks * BLOCK, BLOCK)
    plane = (channels * count).to(tl.int64) * (2 * bins)
    weights += row // count
    w0 = tl.load(weights + ORDER[0] * channels) * SIGNS[0]
    w1 = tl.load(weights + ORDER[1] * channels) * SIGNS[1]
    w2 = tl.load(weights + ORDER[2] * channels) * SIGNS[2]
    w3 = tl.load(weights + ORDER[3] * channels) * SIGNS[3]
    w4 = tl.load(weights + ORDER[4] * channels) * SIGNS[4]
    q += places
    k += places
    out += places
    a0, a1 = _load(q, there, BLOCK), _load(q + plane, there, BLOCK)
    a2, a3 = _load(q + 2 * plane, there, BLOCK), _load(q + 3 * plane, there, BLOCK)
    b0, b1 = _load(k, there, BLOCK), _load(k + plane, there, BLOCK)
    b2, b3 = _load(k + 2 * plane, there, BLOCK), _load(k + 3 * plane, there, BLOCK)
    b0, b1 = (b0[0], b0[1] * conjugate), (b1[0], b1[1] * conjugate)
    b2, b3 = (b2[0], b2[1] * conjugate), (b3[0], b3[1] * conjugate)
    _store_sum(out, there, w0, _times(a0, b0), w1, _dot(a1, a2, a3, b1, b2, b3))
    x = _cross(a2, a3, b2, b3)
    _store_vector(out + plane, there, w2, w3, w4, _times(a0, b1), _times(a1, b0), x)
    y = _cross(a3, a1, b3, b1)
    _store_vector(out + 2 * plane, there, w2, w3, w4, _times(a0, b2), _times(a2, b0), y)
    z = _cross(a1, a2, b1, b2)
    _store_vector(out + 3 * plane, there, w2, w3, w4, _times(a0, b3), _times(a3, b0), z)


@triton.jit
def _real(g, x):
    """Re(conj(g) x)."""
    return g[0] * x[0] + g[1] * x[1]


@triton.jit(do_not_specialize=["rows", "bins", "head", "tail"])
def _term_sums(q, k, g, sums, rows, bins, head, tail, SPAN: tl.constexpr, BLOCK: tl.constexpr):
    """A span of bins of one channel of one sequence; those between the first and the last count twice."""
    parts = tl.cdiv(bins, SPAN)
    row = (tl.program_id(0) // parts).to(tl.int64)
    start = tl.program_id(0) % parts * SPAN
    plane = rows.to(tl.int64) * (2 * bins)
    s0 = tl.zeros((BLOCK,), tl.float32)
    s1 = tl.zeros((BLOCK,), tl.float32)
    s2 = tl.zeros((BLOCK,), tl.float32)
    s3 = tl.zeros((BLOCK,), tl.float32)
    s4 = tl.zeros((BLOCK,), tl.float32)
    for first in range(start, tl.minimum(start + SPAN, bins), BLOCK):
        places, there = _places(row, bins, first, BLOCK)
        bin = first + tl.arange(0, BLOCK)
        counts = tl.where(bin == 0, head, 2.0) - tl.where(bin == bins - 1, tail, 0.0)
        a0, a1 = _load(q + places, there, BLOCK), _load(q + plane + places, there, BLOCK)
        a2, a3 = _load(q + 2 * plane + places, there, BLOCK), _load(q + 3 * plane + places, there, BLOCK)
        b0, b1 = _load(k + places, there, BLOCK), _load(k + plane + places, there, BLOCK)
        b2, b3 = _load(k + 2 * plane + places, there, BLOCK), _load(k + 3 * plane + places, there, BLOCK)
        g0, g1 = _load(g + places, there, BLOCK), _load(g + plane + places, there, BLOCK)
        g2, g3 = _load(g + 2 * plane + places, there, BLOCK), _load(g + 3 * plane + places, there, BLOCK)
        s0 += counts * _real(g0, _times(a0, b0))
        s1 += counts * _real(g0, _dot(a1, a2, a3, b1, b2, b3))
        s2 += counts * (_real(g1, _times(a0, b1)) + _real(g2, _times(a0, b2)) + _real(g3, _times(a0, b3)))
        s3 += counts * (_real(g1, _times(a1, b0)) + _real(g2, _times(a2, b0)) + _real(g3, _times(a3, b0)))
        x, y, z = _cross(a2, a3, b2, b3), _cross(a3, a1, b3, b1), _cross(a1, a2, b1, b2)
        s4 += counts * (_real(g1, x) + _real(g2, y) + _real(g3, z))
    sums += tl.program_id(0)
    terms = rows * parts
    tl.store(sums, tl.sum(s0, axis=0))
    tl.store(sums + terms, tl.sum(s1, axis=0))
    tl.store(sums + 2 * terms, tl.sum(s2, axis=0))
    tl.store(sums + 3 * terms, tl.sum(s3, axis=0))
    tl.store(sums + 4 * terms, tl.sum(s4, axis=0))
