"""Convolutions of very short sequences as the sum that they are: FFTs would cost more to call than to take.

Compiled by Numba, which inlines it into the kernels of `convolution_native`. The rows hold tokens where those
of longer sequences hold spectra; means stay in, as nothing is transformed that they could drown.
"""

from geometric_hyena.operators.jit import array_at, inlined
from geometric_hyena.operators.rows_native import copy_numbers, scale_numbers


@inlined
def copy_row(tokens, length, row, zero):
    """A sequence to a row.

    Args:
        tokens: address of the sequence.
        length: its tokens.
        row: address of the row, written.
        zero: 0 in the type of all numbers.
    """
    copy_numbers(array_at(tokens, 0, length, zero), array_at(row, 0, length, zero))


@inlined
def scale_row(row, tokens, length, s):
    """s times a row to a sequence, arguments as in `copy_row`."""
    scale_numbers(array_at(row, 0, length, s), s, s - s, array_at(tokens, 0, length, s))


@inlined
def _key(i, j, length, turned):
    """Which key a query at j meets for a result at i; `turned`, at which place it stood in the forward."""
    at = j - i if turned else i - j
    return at + length if at < 0 else at


@inlined
def product_direct(q, k, out, step, length, w, turned, zero):
    """out_i = sum_j q_j * k_(i-j), the geometric product; k_(j-i) where `turned`.

    Args:
        q: address of four rows, `step` numbers apart.
        k: address of four others.
        out: address of the result, another place.
        step: numbers from one row to the next.
        length: tokens.
        w: (5,) weights.
        turned: bool; correlate, as the gradients do.
        zero: 0 in the type of the numbers.
    """
    rows = 3 * step + length
    a, b, u = array_at(q, 0, rows, zero), array_at(k, 0, rows, zero), array_at(out, 0, rows, zero)
    w0, w1, w2, w3, w4 = w[0], w[1], w[2], w[3], w[4]
    y, z = 2 * step, 3 * step
    for i in range(length):
        u0 = u1 = u2 = u3 = zero
        for j in range(length):
            at = _key(i, j, length, turned)
            a0, a1, a2, a3 = a[j], a[step + j], a[y + j], a[z + j]
            b0, b1, b2, b3 = b[at], b[step + at], b[y + at], b[z + at]
            u0 += w0 * a0 * b0 + w1 * (a1 * b1 + a2 * b2 + a3 * b3)
            a0, b0 = w2 * a0, w3 * b0
            u1 += a0 * b1 + a1 * b0 + w4 * (a2 * b3 - a3 * b2)
            u2 += a0 * b2 + a2 * b0 + w4 * (a3 * b1 - a1 * b3)
            u3 += a0 * b3 + a3 * b0 + w4 * (a1 * b2 - a2 * b1)
        u[i], u[step + i], u[y + i], u[z + i] = u0, u1, u2, u3


@inlined
def term_sums_direct(q, k, g, step, length, sums, zero):
    """sums[t] = sum_i g_i . sum_j term_t(q_j, k_(i-j)); sums (5,) float64, others as in `product_direct`."""
    rows = 3 * step + length
    a, b, c = array_at(q, 0, rows, zero), array_at(k, 0, rows, zero), array_at(g, 0, rows, zero)
    y, z = 2 * step, 3 * step
    sums[:] = 0.0
    for i in range(length):
        g0, g1, g2, g3 = c[i], c[step + i], c[y + i], c[z + i]
        s0 = s1 = s2 = s3 = s4 = zero
        for j in range(length):
            at = _key(i, j, length, False)
            a0, a1, a2, a3 = a[j], a[step + j], a[y + j], a[z + j]
            b0, b1, b2, b3 = b[at], b[step + at], b[y + at], b[z + at]
            s0 += a0 * b0
            s1 += a1 * b1 + a2 * b2 + a3 * b3
            s2 += a0 * (g1 * b1 + g2 * b2 + g3 * b3)
            s3 += b0 * (g1 * a1 + g2 * a2 + g3 * a3)
            s4 += g1 * (a2 * b3 - a3 * b2) + g2 * (a3 * b1 - a1 * b3) + g3 * (a1 * b2 - a2 * b1)
        sums[0] += g0 * s0
        sums[1] += g0 * s1
        sums[2] += s2
        sums[3] += s3
        sums[4] += s4


@inlined
def terms_direct(q, k, out, count, step, length, terms, signs, turned):
    """out[o]_i = sum over terms and j of sign * q[a]_j k[b]_(i-j), for products of any other kind.

    Args:
        q: address of rows, as in `product_direct`.
        k: address of others.
        out: address of the result, another place.
        count: its rows.
        step: numbers from one row to the next.
        length: tokens.
        terms: (n, 3) o, a and b of each term.
        signs: (n,) in the type of the numbers.
        turned: bool; correlate, as the gradients do.
    """
    zero = signs[0] - signs[0]
    for o in range(count):
        array_at(out, o * step, length, zero)[:] = zero
    for t in range(terms.shape[0]):
        u = array_at(out, terms[t, 0] * step, length, zero)
        a, b = array_at(q, terms[t, 1] * step, length, zero), array_at(k, terms[t, 2] * step, length, zero)
        for i in range(length):
            total = zero
            for j in range(length):
                total += a[j] * b[_key(i, j, length, turned)]
            u[i] += signs[t] * total
