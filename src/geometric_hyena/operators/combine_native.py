"""The geometric product of spectra in one pass over memory, compiled by Numba.

A complex number of two float32 is handled as one 64-bit integer: contiguous integers are loaded as vectors
and taken apart by shifts, while a loop over interleaved real and imaginary parts is not vectorised at all.
The compiler is also allowed to check at run time that twelve arrays do not overlap; it gives up at a few.
"""

import llvmlite.binding
import numpy as np
from numba import njit

llvmlite.binding.set_option("", "-runtime-memory-check-threshold=200")

_FASTMATH = {"contract", "nsz", "reassoc"}
_BLOCK = 512


@njit(inline="always")
def real(z):
    """Real part of a complex number held as an integer."""
    return np.uint32(z & np.uint64(0xFFFFFFFF)).view(np.float32)


@njit(inline="always")
def imag(z):
    """Imaginary part of a complex number held as an integer."""
    return np.uint32(z >> np.uint64(32)).view(np.float32)


@njit(inline="always")
def pack(x, y):
    """x + i y as an integer."""
    low = np.uint64(np.float32(x).view(np.uint32))
    return low | (np.uint64(np.float32(y).view(np.uint32)) << np.uint64(32))


@njit(fastmath=_FASTMATH, error_model="numpy")
def _product_row(o0, o1, o2, o3, a0, a1, a2, a3, b0, b1, b2, b3, w0, w1, w2, w3, w4, sign):
    for f in range(o0.shape[0]):
        a0r, a0i, a1r, a1i = real(a0[f]), imag(a0[f]), real(a1[f]), imag(a1[f])
        a2r, a2i, a3r, a3i = real(a2[f]), imag(a2[f]), real(a3[f]), imag(a3[f])
        b0r, b0i, b1r, b1i = real(b0[f]), sign * imag(b0[f]), real(b1[f]), sign * imag(b1[f])
        b2r, b2i, b3r, b3i = real(b2[f]), sign * imag(b2[f]), real(b3[f]), sign * imag(b3[f])
        o0[f] = pack(
            w0 * (a0r * b0r - a0i * b0i)
            + w1 * (a1r * b1r - a1i * b1i + a2r * b2r - a2i * b2i + a3r * b3r - a3i * b3i),
            w0 * (a0r * b0i + a0i * b0r)
            + w1 * (a1r * b1i + a1i * b1r + a2r * b2i + a2i * b2r + a3r * b3i + a3i * b3r),
        )
        o1[f] = pack(
            w2 * (a0r * b1r - a0i * b1i)
            + w3 * (a1r * b0r - a1i * b0i)
            + w4 * (a2r * b3r - a2i * b3i - a3r * b2r + a3i * b2i),
            w2 * (a0r * b1i + a0i * b1r)
            + w3 * (a1r * b0i + a1i * b0r)
            + w4 * (a2r * b3i + a2i * b3r - a3r * b2i - a3i * b2r),
        )
        o2[f] = pack(
            w2 * (a0r * b2r - a0i * b2i)
            + w3 * (a2r * b0r - a2i * b0i)
            + w4 * (a3r * b1r - a3i * b1i - a1r * b3r + a1i * b3i),
            w2 * (a0r * b2i + a0i * b2r)
            + w3 * (a2r * b0i + a2i * b0r)
            + w4 * (a3r * b1i + a3i * b1r - a1r * b3i - a1i * b3r),
        )
        o3[f] = pack(
            w2 * (a0r * b3r - a0i * b3i)
            + w3 * (a3r * b0r - a3i * b0i)
            + w4 * (a1r * b2r - a1i * b2i - a2r * b1r + a2i * b1i),
            w2 * (a0r * b3i + a0i * b3r)
            + w3 * (a3r * b0i + a3i * b0r)
            + w4 * (a1r * b2i + a1i * b2r - a2r * b1i - a2i * b1r),
        )


@njit(nogil=True, cache=True, error_model="numpy")
def geometric_product(q, k, weights, conjugate, out, first, last):
    """out = geometric product of spectra, rows first .. last - 1.

    Args:
        q: (4, n, F) complex64 as uint64.
        k: (4, n, F), conjugated where `conjugate`.
        weights: (5, n) float32.
        conjugate: bool.
        out: (4, n, F), written.
        first: first row.
        last: row after the last.
    """
    sign = np.float32(-1.0 if conjugate else 1.0)
    for row in range(first, last):
        _product_row(
            out[0, row], out[1, row], out[2, row], out[3, row],
            q[0, row], q[1, row], q[2, row], q[3, row],
            k[0, row], k[1, row], k[2, row], k[3, row],
            weights[0, row], weights[1, row], weights[2, row], weights[3, row], weights[4, row], sign,
        )  # fmt: skip


@njit(fastmath=_FASTMATH, error_model="numpy")
def _term_sums(a0, a1, a2, a3, b0, b1, b2, b3, g0, g1, g2, g3):
    """Over some bins, the sums of Re(conj(g) term) for the five groups of terms."""
    s0 = s1 = s2 = s3 = s4 = np.float32(0.0)
    for f in range(a0.shape[0]):
        a0r, a0i, a1r, a1i = real(a0[f]), imag(a0[f]), real(a1[f]), imag(a1[f])
        a2r, a2i, a3r, a3i = real(a2[f]), imag(a2[f]), real(a3[f]), imag(a3[f])
        b0r, b0i, b1r, b1i = real(b0[f]), imag(b0[f]), real(b1[f]), imag(b1[f])
        b2r, b2i, b3r, b3i = real(b2[f]), imag(b2[f]), real(b3[f]), imag(b3[f])
        g0r, g0i, g1r, g1i = real(g0[f]), imag(g0[f]), real(g1[f]), imag(g1[f])
        g2r, g2i, g3r, g3i = real(g2[f]), imag(g2[f]), real(g3[f]), imag(g3[f])
        s0 += g0r * (a0r * b0r - a0i * b0i) + g0i * (a0r * b0i + a0i * b0r)
        s1 += g0r * (a1r * b1r - a1i * b1i + a2r * b2r - a2i * b2i + a3r * b3r - a3i * b3i)
        s1 += g0i * (a1r * b1i + a1i * b1r + a2r * b2i + a2i * b2r + a3r * b3i + a3i * b3r)
        s2 += g1r * (a0r * b1r - a0i * b1i) + g1i * (a0r * b1i + a0i * b1r)
        s3 += g1r * (a1r * b0r - a1i * b0i) + g1i * (a1r * b0i + a1i * b0r)
        s4 += g1r * (a2r * b3r - a2i * b3i - a3r * b2r + a3i * b2i)
        s4 += g1i * (a2r * b3i + a2i * b3r - a3r * b2i - a3i * b2r)
        s2 += g2r * (a0r * b2r - a0i * b2i) + g2i * (a0r * b2i + a0i * b2r)
        s3 += g2r * (a2r * b0r - a2i * b0i) + g2i * (a2r * b0i + a2i * b0r)
        s4 += g2r * (a3r * b1r - a3i * b1i - a1r * b3r + a1i * b3i)
        s4 += g2i * (a3r * b1i + a3i * b1r - a1r * b3i - a1i * b3r)
        s2 += g3r * (a0r * b3r - a0i * b3i) + g3i * (a0r * b3i + a0i * b3r)
        s3 += g3r * (a3r * b0r - a3i * b0i) + g3i * (a3r * b0i + a3i * b0r)
        s4 += g3r * (a1r * b2r - a1i * b2i - a2r * b1r + a2i * b1i)
        s4 += g3i * (a1r * b2i + a1i * b2r - a2r * b1i - a2i * b1r)
    return s0, s1, s2, s3, s4


@njit(inline="always")
def _block_sums(q, k, g, row, start, stop):
    return _term_sums(
        q[0, row, start:stop], q[1, row, start:stop], q[2, row, start:stop], q[3, row, start:stop],
        k[0, row, start:stop], k[1, row, start:stop], k[2, row, start:stop], k[3, row, start:stop],
        g[0, row, start:stop], g[1, row, start:stop], g[2, row, start:stop], g[3, row, start:stop],
    )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def geometric_term_sums(q, k, g, weight, sums, first, last):
    """sums[t, row] = sum over bins of Re(conj(g) term t); the last once, those between twice.

    Args:
        q: (4, n, F) complex64 as uint64.
        k: (4, n, F).
        g: (4, n, F).
        weight: how much the first bin counts.
        sums: (5, n) float64, written; every block of bins is summed in float32, the blocks in float64.
        first: first row.
        last: row after the last.
    """
    bins = q.shape[2]
    for row in range(first, last):
        total = np.zeros(5, dtype=np.float64)
        for start in range(0, bins, _BLOCK):
            stop = min(bins, start + _BLOCK)
            part = _block_sums(q, k, g, row, start, stop)
            for t in range(5):
                total[t] += 2.0 * part[t]
        head, tail = _block_sums(q, k, g, row, 0, 1), _block_sums(q, k, g, row, bins - 1, bins)
        for t in range(5):
            sums[t, row] = total[t] + (weight - 2.0) * head[t] - tail[t]
