"""Spectra combined under any table of component terms in one pass over memory, compiled by Numba.

For products without a kernel of their own. A block of bins is taken apart into real and imaginary parts,
which stay in the cache; each pair of components is multiplied once and added to all outputs that it has terms
in. Complex numbers come as 64-bit integers: contiguous integers are loaded as vectors and taken apart by
shifts, while a loop over interleaved real and imaginary parts is not vectorised at all.
"""

import numpy as np
from numba import njit

from geometric_hyena.operators.kernel_cache import kept

_FASTMATH = {"contract", "nsz", "reassoc"}
_BINS = 512


@njit(inline="always")
def _real(z):
    return np.uint32(z & np.uint64(0xFFFFFFFF)).view(np.float32)


@njit(inline="always")
def _imag(z):
    return np.uint32(z >> np.uint64(32)).view(np.float32)


@njit(inline="always")
def _pack(x, y):
    low = np.uint64(np.float32(x).view(np.uint32))
    return low | (np.uint64(np.float32(y).view(np.uint32)) << np.uint64(32))


@njit(fastmath=_FASTMATH, error_model="numpy")
def _unpack(spectra, row, start, size, block, sign):
    for i in range(spectra.shape[0]):
        for f in range(size):
            z = spectra[i, row, start + f]
            block[0, i, f] = _real(z)
            block[1, i, f] = sign * _imag(z)


@njit(fastmath=_FASTMATH, error_model="numpy")
def _multiply(a, i, b, j, p, size):
    for f in range(size):
        p[0, f] = a[0, i, f] * b[0, j, f] - a[1, i, f] * b[1, j, f]
        p[1, f] = a[0, i, f] * b[1, j, f] + a[1, i, f] * b[0, j, f]


@njit(fastmath=_FASTMATH, error_model="numpy")
def _add(factor, p, out, o, size):
    for f in range(size):
        out[0, o, f] += factor * p[0, f]
        out[1, o, f] += factor * p[1, f]


@njit(fastmath=_FASTMATH, error_model="numpy")
def _inner(p, g, o, size):
    total = np.float32(0)
    for f in range(size):
        total += p[0, f] * g[0, o, f] + p[1, f] * g[1, o, f]
    return total


@njit(fastmath=_FASTMATH, error_model="numpy")
def _repack(block, spectra, row, start, size):
    for i in range(spectra.shape[0]):
        for f in range(size):
            spectra[i, row, start + f] = _pack(block[0, i, f], block[1, i, f])


@kept
@njit(nogil=True, error_model="numpy")
def term_product(q, k, weights, table, conjugate, out, first, last):
    """out[o] = sum over terms of factor * weight * q[a] * k[b], rows first .. last - 1.

    Args:
        q: (query_size, n, F) complex64 as uint64.
        k: (key_size, n, F), conjugated where `conjugate`.
        weights: (weight_count, n) float32.
        table: pairs (M, 2) of components of q and k that are multiplied; (M + 1,) where each pair's terms
            start; terms (T, 2), output and weight; factors (T,) float32.
        conjugate: bool.
        out: (out_size, n, F), written.
        first: first row.
        last: row after the last.
    """
    pairs, starts, terms, factors = table
    one, sign = np.float32(1), np.float32(-1 if conjugate else 1)
    a = np.empty((2, q.shape[0], _BINS), np.float32)
    b = np.empty((2, k.shape[0], _BINS), np.float32)
    o = np.empty((2, out.shape[0], _BINS), np.float32)
    p = np.empty((2, _BINS), np.float32)
    for row in range(first, last):
        for start in range(0, q.shape[2], _BINS):
            size = min(_BINS, q.shape[2] - start)
            _unpack(q, row, start, size, a, one)
            _unpack(k, row, start, size, b, sign)
            o[:] = 0
            for m in range(pairs.shape[0]):
                i, j = pairs[m]
                _multiply(a, i, b, j, p, size)
                for t in range(starts[m], starts[m + 1]):
                    _add(factors[t] * weights[terms[t, 1], row], p, o, terms[t, 0], size)
            _repack(o, out, row, start, size)


@kept
@njit(nogil=True, error_model="numpy")
def term_sums(q, k, g, table, head, half, sums, first, last):
    """sums[w, row] = sum over the terms of weight w and all bins of factor * Re(q k conj(g)).

    Args:
        q: (query_size, n, F) complex64 as uint64.
        k: (key_size, n, F).
        g: (out_size, n, F).
        table: as in `term_product`.
        head: how much the first bin counts; those after it count twice.
        half: whether the last bin counts once.
        sums: (weight_count, n) float64, written; a block of bins is summed in float32, the blocks in float64.
        first: first row.
        last: row after the last.
    """
    pairs, starts, terms, factors = table
    one, two = np.float32(1), np.float32(2)
    bins = q.shape[2]
    a = np.empty((2, q.shape[0], _BINS), np.float32)
    b = np.empty((2, k.shape[0], _BINS), np.float32)
    g_block = np.empty((2, g.shape[0], _BINS), np.float32)
    g_first = np.empty((2, g.shape[0]), np.float64)
    p = np.empty((2, _BINS), np.float32)
    for row in range(first, last):
        sums[:, row] = 0
        for start in range(0, bins, _BINS):
            size = min(_BINS, bins - start)
            _unpack(q, row, start, size, a, one)
            _unpack(k, row, start, size, b, one)
            _unpack(g, row, start, size, g_block, one)
            g_block *= two
            if half and start + size == bins:
                g_block[:, :, size - 1] /= two
            # The first bin, which counts for far more than the others, is summed in float64 on its own.
            if start == 0:
                g_first[:] = g_block[:, :, 0] * (head / 2)
                g_block[:, :, 0] = 0
            for m in range(pairs.shape[0]):
                i, j = pairs[m]
                _multiply(a, i, b, j, p, size)
                for t in range(starts[m], starts[m + 1]):
                    c, w = terms[t, 0], terms[t, 1]
                    total = np.float64(_inner(p, g_block, c, size))
                    if start == 0:
                        total += p[0, 0] * g_first[0, c] + p[1, 0] * g_first[1, c]
                    sums[w, row] += factors[t] * total
