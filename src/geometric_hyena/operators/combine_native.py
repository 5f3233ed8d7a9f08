"""The geometric product of spectra in one pass over memory, compiled by Numba.

Both formulas are written once, for vectors of `LANES` bins and for the single bins that remain.
"""

import numpy as np

from geometric_hyena.operators.jit import array_at, compiled, inlined, pointer_at
from geometric_hyena.operators.lanes import LANES, load_complex, spread, store_complex, total

# Bins that are summed in the type of the numbers, before their sums are in double precision.
_BLOCK = 512


@inlined
def _product(a0, a1, a2, a3, b0, b1, b2, b3, w0, w1, w2, w3, w4, sign):
    """The four complex components of a * b, b conjugated where `sign` is -1; all as (real, imaginary)."""
    (a0r, a0i), (a1r, a1i), (a2r, a2i), (a3r, a3i) = a0, a1, a2, a3
    b0r, b1r, b2r, b3r = b0[0], b1[0], b2[0], b3[0]
    b0i, b1i, b2i, b3i = sign * b0[1], sign * b1[1], sign * b2[1], sign * b3[1]
    return (
        (
            w0 * (a0r * b0r - a0i * b0i)
            + w1 * (a1r * b1r - a1i * b1i + a2r * b2r - a2i * b2i + a3r * b3r - a3i * b3i),
            w0 * (a0r * b0i + a0i * b0r)
            + w1 * (a1r * b1i + a1i * b1r + a2r * b2i + a2i * b2r + a3r * b3i + a3i * b3r),
        ),
        (
            w2 * (a0r * b1r - a0i * b1i)
            + w3 * (a1r * b0r - a1i * b0i)
            + w4 * (a2r * b3r - a2i * b3i - a3r * b2r + a3i * b2i),
            w2 * (a0r * b1i + a0i * b1r)
            + w3 * (a1r * b0i + a1i * b0r)
            + w4 * (a2r * b3i + a2i * b3r - a3r * b2i - a3i * b2r),
        ),
        (
            w2 * (a0r * b2r - a0i * b2i)
            + w3 * (a2r * b0r - a2i * b0i)
            + w4 * (a3r * b1r - a3i * b1i - a1r * b3r + a1i * b3i),
            w2 * (a0r * b2i + a0i * b2r)
            + w3 * (a2r * b0i + a2i * b0r)
            + w4 * (a3r * b1i + a3i * b1r - a1r * b3i - a1i * b3r),
        ),
        (
            w2 * (a0r * b3r - a0i * b3i)
            + w3 * (a3r * b0r - a3i * b0i)
            + w4 * (a1r * b2r - a1i * b2i - a2r * b1r + a2i * b1i),
            w2 * (a0r * b3i + a0i * b3r)
            + w3 * (a3r * b0i + a3i * b0r)
            + w4 * (a1r * b2i + a1i * b2r - a2r * b1i - a2i * b1r),
        ),
    )


@inlined
def _terms(a0, a1, a2, a3, b0, b1, b2, b3, g0, g1, g2, g3):
    """Re(conj(g) term) for the five groups of terms."""
    (a0r, a0i), (a1r, a1i), (a2r, a2i), (a3r, a3i) = a0, a1, a2, a3
    (b0r, b0i), (b1r, b1i), (b2r, b2i), (b3r, b3i) = b0, b1, b2, b3
    (g0r, g0i), (g1r, g1i), (g2r, g2i), (g3r, g3i) = g0, g1, g2, g3
    # Re(conj(g) a b) = Re(conj(g) a) Re(b) + ..., so what several terms share is taken out first.
    dot_r = a1r * b1r - a1i * b1i + a2r * b2r - a2i * b2i + a3r * b3r - a3i * b3i
    dot_i = a1r * b1i + a1i * b1r + a2r * b2i + a2i * b2r + a3r * b3i + a3i * b3r
    with_b_r = g1r * b1r + g1i * b1i + g2r * b2r + g2i * b2i + g3r * b3r + g3i * b3i
    with_b_i = g1i * b1r - g1r * b1i + g2i * b2r - g2r * b2i + g3i * b3r - g3r * b3i
    with_a_r = g1r * a1r + g1i * a1i + g2r * a2r + g2i * a2i + g3r * a3r + g3i * a3i
    with_a_i = g1i * a1r - g1r * a1i + g2i * a2r - g2r * a2i + g3i * a3r - g3r * a3i
    return (
        g0r * (a0r * b0r - a0i * b0i) + g0i * (a0r * b0i + a0i * b0r),
        g0r * dot_r + g0i * dot_i,
        a0r * with_b_r + a0i * with_b_i,
        b0r * with_a_r + b0i * with_a_i,
        g1r * (a2r * b3r - a2i * b3i - a3r * b2r + a3i * b2i)
        + g1i * (a2r * b3i + a2i * b3r - a3r * b2i - a3i * b2r)
        + g2r * (a3r * b1r - a3i * b1i - a1r * b3r + a1i * b3i)
        + g2i * (a3r * b1i + a3i * b1r - a1r * b3i - a1i * b3r)
        + g3r * (a1r * b2r - a1i * b2i - a2r * b1r + a2i * b1i)
        + g3i * (a1r * b2i + a1i * b2r - a2r * b1i - a2i * b1r),
    )


@inlined
def _lanes(spectrum, first, step, zero):
    """`LANES` bins of the four components, from number `first` of each on."""
    return (
        load_complex(pointer_at(spectrum, first, zero)),
        load_complex(pointer_at(spectrum, first + step, zero)),
        load_complex(pointer_at(spectrum, first + 2 * step, zero)),
        load_complex(pointer_at(spectrum, first + 3 * step, zero)),
    )


@inlined
def _bin(spectrum, first, step, zero):
    """One bin of the four components."""
    c0 = array_at(spectrum, first, 2, zero)
    c1 = array_at(spectrum, first + step, 2, zero)
    c2 = array_at(spectrum, first + 2 * step, 2, zero)
    c3 = array_at(spectrum, first + 3 * step, 2, zero)
    return (c0[0], c0[1]), (c1[0], c1[1]), (c2[0], c2[1]), (c3[0], c3[1])


@inlined
def product_row(q, k, out, step, bins, w, one):
    """out = geometric product of two spectra.

    Args:
        q: address of a spectrum: the four components of a row, `step` numbers apart.
        k: address of another.
        out: address of the result, which may be one of them.
        step: numbers from one component to the next.
        bins: bins of a row.
        w: (5,) weights.
        one: 1 in the type of the numbers, -1 to conjugate `k`.
    """
    w0, w1, w2, w3, w4 = spread(w[0]), spread(w[1]), spread(w[2]), spread(w[3]), spread(w[4])
    sign, whole = spread(one), bins - bins % LANES
    for f in range(0, whole, LANES):
        a, b = _lanes(q, 2 * f, step, one), _lanes(k, 2 * f, step, one)
        u = _product(*a, *b, w0, w1, w2, w3, w4, sign)
        store_complex(pointer_at(out, 2 * f, one), u[0][0], u[0][1])
        store_complex(pointer_at(out, 2 * f + step, one), u[1][0], u[1][1])
        store_complex(pointer_at(out, 2 * f + 2 * step, one), u[2][0], u[2][1])
        store_complex(pointer_at(out, 2 * f + 3 * step, one), u[3][0], u[3][1])
    for f in range(whole, bins):
        u = _product(
            *_bin(q, 2 * f, step, one), *_bin(k, 2 * f, step, one), w[0], w[1], w[2], w[3], w[4], one
        )
        for o in range(4):
            target = array_at(out, 2 * f + o * step, 2, one)
            target[0], target[1] = u[o]


@inlined
def term_sums_row(q, k, g, step, bins, first, half, sums, zero):
    """Sums over bins of Re(conj(g) term), each bin twice but the first and, where `half`, the last.

    Args:
        q: address of a spectrum, as in `product_row`.
        k: address of another.
        g: address of another.
        step: numbers from one component to the next.
        bins: bins of a row.
        first: how much the first bin counts.
        half: bool; the last bin counts once.
        sums: (5,) float64, written; every block of bins is summed in the type of the numbers.
        zero: 0 in the type of the numbers.
    """
    whole = bins - bins % LANES
    sums[:] = 0.0
    for start in range(0, whole, _BLOCK):
        s0 = s1 = s2 = s3 = s4 = spread(zero)
        for f in range(2 * start, 2 * min(start + _BLOCK, whole), 2 * LANES):
            v = _terms(*_lanes(q, f, step, zero), *_lanes(k, f, step, zero), *_lanes(g, f, step, zero))
            s0, s1, s2, s3, s4 = s0 + v[0], s1 + v[1], s2 + v[2], s3 + v[3], s4 + v[4]
        for t, s in enumerate((total(s0), total(s1), total(s2), total(s3), total(s4))):
            sums[t] += 2.0 * s
    for f in range(2 * whole, 2 * bins, 2):
        v = _terms(*_bin(q, f, step, zero), *_bin(k, f, step, zero), *_bin(g, f, step, zero))
        for t in range(5):
            sums[t] += 2.0 * v[t]
    head = _terms(*_bin(q, 0, step, zero), *_bin(k, 0, step, zero), *_bin(g, 0, step, zero))
    for t in range(5):
        sums[t] += (first - 2.0) * head[t]
    if half:
        f = 2 * (bins - 1)
        tail = _terms(*_bin(q, f, step, zero), *_bin(k, f, step, zero), *_bin(g, f, step, zero))
        for t in range(5):
            sums[t] -= tail[t]


@inlined
def terms_row(q, k, out, count, step, bins, terms, signs, one):
    """out[o] = sum over terms of sign * q[a] * k[b], for products of any other kind.

    Args:
        q: address of a spectrum, as in `product_row`.
        k: address of another.
        out: address of the result, another place.
        count: its components.
        step: numbers from one component to the next.
        bins: bins of a row.
        terms: (n, 3) o, a and b of each term.
        signs: (n,) in the type of the numbers.
        one: 1, -1 to conjugate `k`.
    """
    whole = bins - bins % LANES
    for o in range(count):
        array_at(out, o * step, 2 * bins, one)[:] = one - one
    for t in range(terms.shape[0]):
        o, a, b = terms[t, 0] * step, terms[t, 1] * step, terms[t, 2] * step
        sign, turn = spread(signs[t]), spread(one)
        for f in range(0, 2 * whole, 2 * LANES):
            ar, ai = load_complex(pointer_at(q, a + f, one))
            br, bi = load_complex(pointer_at(k, b + f, one))
            ur, ui = load_complex(pointer_at(out, o + f, one))
            ur, ui = ur + sign * (ar * br - turn * (ai * bi)), ui + sign * (turn * (ar * bi) + ai * br)
            store_complex(pointer_at(out, o + f, one), ur, ui)
        x, y = array_at(q, a, 2 * bins, one), array_at(k, b, 2 * bins, one)
        u = array_at(out, o, 2 * bins, one)
        for f in range(2 * whole, 2 * bins, 2):
            u[f] += signs[t] * (x[f] * y[f] - one * (x[f + 1] * y[f + 1]))
            u[f + 1] += signs[t] * (one * (x[f] * y[f + 1]) + x[f + 1] * y[f])


@compiled
def geometric_product(
    q, k, out, rows, bins, weights, weight_step, channel_step, count, order, signs, one, first, last
):
    """out = geometric product of dense spectra (4, rows, bins), for rows first .. last - 1.

    Args:
        q: address of the spectra.
        k: address of others, conjugated where `one` is -1.
        out: address of the result.
        rows: channels times sequences.
        bins: bins of a row.
        weights: address of the real weights.
        weight_step: numbers from one weight to the next.
        channel_step: numbers from one channel to the next.
        count: sequences of a channel.
        order: (5,) which weight stands where.
        signs: (5,) and its sign, in the type of the numbers.
        one: 1 or -1 in the type of the numbers.
        first: first row.
        last: row after the last.
    """
    w = np.empty_like(signs)
    for row in range(first, last):
        for t in range(5):
            at = order[t] * weight_step + (row // count) * channel_step
            w[t] = signs[t] * array_at(weights, at, 1, one)[0]
        at = 2 * row * bins * signs.itemsize
        product_row(q + at, k + at, out + at, 2 * rows * bins, bins, w, one)


@compiled
def geometric_term_sums(q, k, g, rows, bins, weight, sums, zero, first, last):
    """sums[row] = `term_sums_row` of dense spectra (4, rows, bins) at even lengths.

    Args:
        q: address of the spectra.
        k: address of others.
        g: address of others.
        rows: channels times sequences.
        bins: bins of a row.
        weight: how much the first bin counts.
        sums: (rows, 5) float64, written.
        zero: array of one 0 in the type of the numbers.
        first: first row.
        last: row after the last.
    """
    for row in range(first, last):
        at = 2 * row * bins * zero.itemsize
        term_sums_row(q + at, k + at, g + at, 2 * rows * bins, bins, weight, True, sums[row], zero[0])
