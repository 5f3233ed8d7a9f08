"""What happens to tokens just before and just after a projection, compiled by Numba.

Blocks of tokens stay in the first cache from where they are read to where they are written. Unless said
otherwise an array is flat and holds rows of tokens, one for each channel, or for each component and channel;
its pitch is the distance from row to row.
"""

import numpy as np

from geometric_hyena.operators.jit import compiled

_BLOCK = 128


@compiled
def _add(x, out):
    for t in range(x.shape[0]):
        out[t] += x[t]


@compiled
def _put(x, out):
    for t in range(x.shape[0]):
        out[t] = x[t]


@compiled
def _put_shifted(x, shift, out):
    for t in range(x.shape[0]):
        out[t] = x[t] + shift


@compiled
def _put_affine(x, scale, weight, bias, out):
    for t in range(x.shape[0]):
        out[t] = x[t] * (scale[t] * weight) + bias


@compiled
def _put_scaled(x, shift, scale, out):
    for t in range(x.shape[0]):
        out[t] = (x[t] + shift) * scale[t]


@compiled
def _put_sum_of_product(x, u, v, out):
    for t in range(x.shape[0]):
        out[t] = x[t] + u[t] * v[t]


@compiled
def _put_cross(x, a, b, c, d, out):
    for t in range(x.shape[0]):
        out[t] = x[t] + (a[t] * b[t] - c[t] * d[t])


@compiled
def _add_square(x, shift, out):
    for t in range(x.shape[0]):
        difference = x[t] + shift
        out[t] += difference * difference


@compiled
def _one_over_root(x, scale, shift):
    for t in range(x.shape[0]):
        x[t] = scale / np.sqrt(x[t] + shift)


@compiled
def _add_shift_and_square(x, shift, out):
    for t in range(x.shape[0]):
        difference = x[t] + shift[t]
        x[t] = difference
        out[t] += difference * difference


@compiled
def _multiply(x, factor):
    for t in range(x.shape[0]):
        x[t] *= factor[t]


@compiled
def normalise(arrays, pitches, weight, bias, eps, shift, out, pitch, kept, kept_pitch, first, last):
    """Layer normalisation of s = x + u v, or of s = x, token by token.

    Args:
        arrays: x, u and v; the latter two are empty where there is no product to add.
        pitches: theirs.
        weight, bias: (D,) of the normalisation.
        eps: its epsilon, in the type of all numbers.
        shift: (at least D,) what `kept` has besides.
        out: written: the result.
        pitch: its pitch.
        kept: written: s + shift; or empty.
        kept_pitch: its pitch.
        first: first token.
        last: token after the last.
    """
    x, u, v = arrays
    count = weight.shape[0]
    s = np.empty((count, _BLOCK), x.dtype)
    mean, scale = np.empty(_BLOCK, x.dtype), np.empty(_BLOCK, x.dtype)
    one = x.dtype.type(1)
    part = x.dtype.type(1 / count)
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        size = stop - start
        mean[:] = 0
        scale[:] = 0
        for d in range(count):
            row = x[d * pitches[0] + start : d * pitches[0] + stop]
            if u.shape[0] > 0:
                left = u[d * pitches[1] + start : d * pitches[1] + stop]
                right = v[d * pitches[2] + start : d * pitches[2] + stop]
                _put_sum_of_product(row, left, right, s[d, :size])
            else:
                _put(row, s[d, :size])
            _add(s[d, :size], mean[:size])
            if kept.shape[0] > 0:
                _put_shifted(s[d, :size], shift[d], kept[d * kept_pitch + start : d * kept_pitch + stop])
        for t in range(size):
            mean[t] = -mean[t] * part
        for d in range(count):
            _add_shift_and_square(s[d, :size], mean[:size], scale[:size])
        for t in range(size):
            scale[t] = one / np.sqrt(scale[t] * part + eps)
        for d in range(count):
            target = out[d * pitch + start : d * pitch + stop]
            _put_affine(s[d, :size], scale[:size], weight[d], bias[d], target)


@compiled
def queries_keys_values(scalars, vectors, mask, pitch, shift, channels, eps, norm, out, pitches, first, last):
    """Queries as they are, keys and values at unit length, values masked, each to where it stays.

    Args:
        scalars: projected scalars of q, k and v (3 D rows or more) without their bias.
        vectors: projected vectors (9 C rows), by component, then q, k, v, then channel.
        mask: factors of the values' scalars and vectors (D + C rows); or empty.
        pitch: of all three.
        shift: (3 D,) the bias.
        channels: D, C.
        eps: added to squared norms, in the type of all numbers.
        norm: bool; whether keys and values get unit length.
        out: scalars and vectors of q, then of k, then of v, written.
        pitches: theirs.
        first: first token.
        last: token after the last.
    """
    d_count, c_count = channels
    one, none = scalars.dtype.type(1), scalars.dtype.type(0)
    scale = np.empty(_BLOCK, scalars.dtype)
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        size = stop - start
        for part in range(3):
            target, target_pitch = out[2 * part], pitches[2 * part]
            scale[:] = one
            if norm and part > 0:
                scale[:] = none
                for d in range(part * d_count, (part + 1) * d_count):
                    _add_square(scalars[d * pitch + start : d * pitch + stop], shift[d], scale[:size])
                _one_over_root(scale[:size], one, eps)
            for d in range(d_count):
                row, to = part * d_count + d, d * target_pitch
                x = scalars[row * pitch + start : row * pitch + stop]
                _put_scaled(x, shift[row], scale[:size], target[to + start : to + stop])
                if part == 2 and mask.shape[0] > 0:
                    _multiply(target[to + start : to + stop], mask[d * pitch + start : d * pitch + stop])
            target, target_pitch = out[2 * part + 1], pitches[2 * part + 1]
            for c in range(c_count):
                scale[:] = one
                if norm and part > 0:
                    scale[:] = none
                    for i in range(3):
                        at = ((3 * i + part) * c_count + c) * pitch
                        _add_square(vectors[at + start : at + stop], none, scale[:size])
                    _one_over_root(scale[:size], one, eps)
                if part == 2 and mask.shape[0] > 0:
                    at = (d_count + c) * pitch
                    _multiply(scale[:size], mask[at + start : at + stop])
                for i in range(3):
                    at, to = ((3 * i + part) * c_count + c) * pitch, (i * c_count + c) * target_pitch
                    x = vectors[at + start : at + stop]
                    _put_scaled(x, none, scale[:size], target[to + start : to + stop])


@compiled
def add_cross_product(arrays, pitches, count, out, pitch, first, last):
    """x + u x v.

    Args:
        arrays: x, u and v.
        pitches: theirs.
        count: C, number of channels.
        out: written.
        pitch: its pitch.
        first: first token.
        last: token after the last.
    """
    x, u, v = arrays
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        for c in range(count):
            for i in range(3):
                # The components after this one, in cyclic order.
                j, k = (i + 1) % 3 * count + c, (i + 2) % 3 * count + c
                row = i * count + c
                _put_cross(
                    x[row * pitches[0] + start : row * pitches[0] + stop],
                    u[j * pitches[1] + start : j * pitches[1] + stop],
                    v[k * pitches[2] + start : k * pitches[2] + stop],
                    u[k * pitches[1] + start : k * pitches[1] + stop],
                    v[j * pitches[2] + start : j * pitches[2] + stop],
                    out[row * pitch + start : row * pitch + stop],
                )


@compiled
def add_masked(arrays, pitches, count, out, pitch, first, last):
    """x + u v with a factor for each vector; arguments as in `add_cross_product`."""
    x, u, v = arrays
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        for row in range(3 * count):
            factor = row % count * pitches[2]
            _put_sum_of_product(
                x[row * pitches[0] + start : row * pitches[0] + stop],
                u[row * pitches[1] + start : row * pitches[1] + stop],
                v[factor + start : factor + stop],
                out[row * pitch + start : row * pitch + stop],
            )


@compiled
def global_edges(positions, sequence, centers, count, index, edges, coefficients, first, last):
    """The edges from all `count` global tokens of a token's sequence: log(1 + |r|^2) and (1, r / count).

    Args:
        positions: (n, 3).
        sequence: (n,) number of each token's sequence.
        centers: (B count, 3) positions of the global tokens.
        count: G.
        index: (n, G), written.
        edges: (n, G, 1), written.
        coefficients: (n, G, 4), written.
        first: first token.
        last: token after the last.
    """
    one = positions.dtype.type(1)
    part = positions.dtype.type(1 / count)
    for i in range(first, last):
        for g in range(count):
            row = sequence[i] * count + g
            index[i, g] = row
            coefficients[i, g, 0] = one
            square = one - one
            for c in range(3):
                offset = positions[i, c] - centers[row, c]
                square += offset * offset
                coefficients[i, g, 1 + c] = offset * part
            edges[i, g, 0] = np.log1p(square)
