"""Message moments compiled with Numba: what one thread does with a slice of the tokens.

Written in vectors of `LANES` hidden channels, four edges at a time, so that moments and messages stay in
registers: LLVM's own vectorisation would pass them through memory. H must be a multiple of `LANES`, the
forward's number of moments one of four, and all arrays contiguous.
"""

from typing import Any

import numpy as np
from numba import njit

from geometric_hyena.operators.kernel_cache import kept
from geometric_hyena.operators.lanes import LANES, total
from geometric_hyena.operators.lanes_of_arrays import (
    fma,
    load,
    negative,
    one_plus_exp,
    ones,
    ratio,
    repeat,
    store,
    zeros,
)

# The sum over the edges of a block of tokens is one term of the gradient to W.
BLOCK = 32


def _compiled(function) -> Any:
    """`jit.compiled`, but that sums are taken in the order written."""
    return kept(njit(function, nogil=True, error_model="numpy"))


def _inlined(function) -> Any:
    return njit(function, error_model="numpy", forceinline=True)


@_inlined
def _gather(i, keep_all, senders, width, index, edges, coefficients, places, rows, features, weights):
    """Collect the edges of token i that have any coefficient; the others are padding.

    Filled up to a multiple of four with edges of no weight. Returns their number, -1 if a sender is missing.
    """
    count = 0
    for k in range(index.shape[1]):
        live = keep_all
        for p in range(coefficients.shape[2]):
            live |= coefficients[i, k, p] != 0
        if live:
            if index[i, k] < 0 or index[i, k] >= senders:
                return -1
            places[count] = k
            rows[count] = index[i, k] * width
            for e in range(edges.shape[2]):
                features[count, e] = edges[i, k, e]
            for p in range(coefficients.shape[2]):
                weights[count, p] = coefficients[i, k, p]
            count += 1
    for n in range(count, -(-count // 4) * 4):
        rows[n] = rows[count - 1]
        for e in range(edges.shape[2]):
            features[n, e] = features[count - 1, e]
        for p in range(coefficients.shape[2]):
            weights[n, p] = 0
    return count


@_inlined
def _hidden(token, n, h, sender, rows, features, edge_map):
    """A_i + B_j + e_ij W of the edges n to n + 3, channels h to h + LANES."""
    size, width = edge_map.shape
    z0, z1 = token + load(sender, rows[n] + h), token + load(sender, rows[n + 1] + h)
    z2, z3 = token + load(sender, rows[n + 2] + h), token + load(sender, rows[n + 3] + h)
    for e in range(size):
        row, at = load(edge_map, e * width + h), n * size + e
        z0, z1 = fma(repeat(features, at), row, z0), fma(repeat(features, at + size), row, z1)
        z2 = fma(repeat(features, at + 2 * size), row, z2)
        z3 = fma(repeat(features, at + 3 * size), row, z3)
    return z0, z1, z2, z3


@_inlined
def _weighted(total, values, weights, at, step):
    """total + sum over four edges of weights.flat[at + step * edge] * value."""
    total = fma(repeat(weights, at), values[0], total)
    total = fma(repeat(weights, at + step), values[1], total)
    total = fma(repeat(weights, at + 2 * step), values[2], total)
    return fma(repeat(weights, at + 3 * step), values[3], total)


@_compiled
def forward_tokens(start, stop, receiver, first, sender, edge_map, index, edges, coefficients, out, places):
    """Moments of the tokens from `start` to `stop`; False where `index` leaves the rows of `sender`.

    Args:
        start, stop: the slice.
        receiver: (T, at least first + H), A from column `first` on.
        first: that column.
        sender, edge_map, index, edges, coefficients: as in `message_moments`.
        out: (T, ...), a row for each token.
        places: (P,) columns of `out` where the H numbers of each moment begin.
    """
    width, neighbors, moments = edge_map.shape[1], index.shape[1], coefficients.shape[2]
    kept, rows = np.empty(neighbors, np.int64), np.empty(neighbors + 3, np.int64)
    features = np.empty((neighbors + 3, edges.shape[2]), receiver.dtype)
    weights = np.empty((neighbors + 3, moments), receiver.dtype)
    for i in range(start, stop):
        count = _gather(
            i, False, sender.shape[0], width, index, edges, coefficients, kept, rows, features, weights
        )
        if count < 0:
            return False
        for p in range(0, moments, 4):
            for h in range(0, width, LANES):
                token = load(receiver, i * receiver.shape[1] + first + h)
                m0, m1, m2, m3 = zeros(out), zeros(out), zeros(out), zeros(out)
                for n in range(0, count, 4):
                    z0, z1, z2, z3 = _hidden(token, n, h, sender, rows, features, edge_map)
                    messages = (
                        ratio(z0, one_plus_exp(z0)),
                        ratio(z1, one_plus_exp(z1)),
                        ratio(z2, one_plus_exp(z2)),
                        ratio(z3, one_plus_exp(z3)),
                    )
                    at = n * moments + p
                    m0 = _weighted(m0, messages, weights, at, moments)
                    m1 = _weighted(m1, messages, weights, at + 1, moments)
                    m2 = _weighted(m2, messages, weights, at + 2, moments)
                    m3 = _weighted(m3, messages, weights, at + 3, moments)
                at = i * out.shape[1] + h
                store(out, at + places[p], m0)
                store(out, at + places[p + 1], m1)
                store(out, at + places[p + 2], m2)
                store(out, at + places[p + 3], m3)
    return True


@_inlined
def _delta(z, coming):
    """(silu(z), coming * silu'(z)), with silu' = s + m (1 - s), s = sigmoid(z) and m = silu(z)."""
    gate = ratio(ones(z), one_plus_exp(z))
    message = z * gate
    return message, coming * (gate + fma(negative(message), gate, message))


@_inlined
def _dot(a, at_a, b, at_b, width):
    products = load(a, at_a) * load(b, at_b)
    for h in range(LANES, width, LANES):
        products = fma(load(a, at_a + h), load(b, at_b + h), products)
    return total(products)


@_compiled
def backward_tokens(start, stop, origin, arrays, grad, token_grads, map_terms, deltas, targets):
    """Gradients of the tokens from `start` to `stop`; False where `index` leaves the rows of `sender`.

    Args:
        start, stop: the slice; starts at a multiple of `BLOCK` from `origin`.
        origin: token of the first row of `map_terms`, `deltas` and `targets`.
        arrays: those of `forward_tokens`.
        grad: (T, P, H) gradient to the moments.
        token_grads: gradients to receiver, edges and coefficients; the last two are empty where not wanted.
        map_terms: (blocks, E, H), zeros; receives the gradient to W of each block.
        deltas: (n, K or up to 3 more, H) receives the gradient to what each live edge's activation is of.
        targets: (n, K) receives the senders of these edges, then -1.
    """
    receiver, sender, edge_map, index, edges, coefficients = arrays
    receiver_grad, edges_grad, coefficients_grad = token_grads
    width, neighbors, moments, size = receiver.shape[1], index.shape[1], coefficients.shape[2], edges.shape[2]
    needs_edges, needs_coefficients = edges_grad.size > 0, coefficients_grad.size > 0
    places, rows = np.empty(neighbors, np.int64), np.empty(neighbors + 3, np.int64)
    features = np.empty((neighbors + 3, size), receiver.dtype)
    weights = np.empty((neighbors + 3, moments), receiver.dtype)
    messages = np.empty((neighbors + 3, width), receiver.dtype)
    for i in range(start, stop):
        count = _gather(
            i,
            needs_coefficients,
            sender.shape[0],
            width,
            index,
            edges,
            coefficients,
            places,
            rows,
            features,
            weights,
        )
        if count < 0:
            return False
        for k in range(neighbors):
            targets[i - origin, k] = index[i, places[k]] if k < count else -1
        first = (i - origin) * deltas.shape[1] * width
        terms = (i - origin) // BLOCK * size * width
        for h in range(0, width, LANES):
            token, summed = load(receiver, i * width + h), zeros(receiver)
            for n in range(0, count, 4):
                z0, z1, z2, z3 = _hidden(token, n, h, sender, rows, features, edge_map)
                d0, d1, d2, d3 = zeros(receiver), zeros(receiver), zeros(receiver), zeros(receiver)
                for p in range(moments):
                    coming, at = load(grad, (i * moments + p) * width + h), n * moments + p
                    d0 = fma(repeat(weights, at), coming, d0)
                    d1 = fma(repeat(weights, at + moments), coming, d1)
                    d2 = fma(repeat(weights, at + 2 * moments), coming, d2)
                    d3 = fma(repeat(weights, at + 3 * moments), coming, d3)
                m0, d0 = _delta(z0, d0)
                m1, d1 = _delta(z1, d1)
                m2, d2 = _delta(z2, d2)
                m3, d3 = _delta(z3, d3)
                at = n * width + h
                store(deltas, first + at, d0)
                store(deltas, first + at + width, d1)
                store(deltas, first + at + 2 * width, d2)
                store(deltas, first + at + 3 * width, d3)
                if needs_coefficients:
                    store(messages, at, m0)
                    store(messages, at + width, m1)
                    store(messages, at + 2 * width, m2)
                    store(messages, at + 3 * width, m3)
                summed = summed + ((d0 + d1) + (d2 + d3))
                for e in range(size):
                    at = terms + e * width + h
                    term = _weighted(load(map_terms, at), (d0, d1, d2, d3), features, n * size + e, size)
                    store(map_terms, at, term)
            store(receiver_grad, i * width + h, summed)
        if needs_edges:
            edges_grad[i] = 0
            for n in range(count):
                for e in range(size):
                    edges_grad[i, places[n], e] = _dot(deltas, first + n * width, edge_map, e * width, width)
        if needs_coefficients:
            for n in range(count):
                for p in range(moments):
                    coefficients_grad[i, places[n], p] = _dot(
                        messages, n * width, grad, (i * moments + p) * width, width
                    )
    return True


@_compiled
def add_to_senders(part, parts, targets, deltas, sender_grad):
    """Add `deltas`, in the order of the edges, to those rows of `sender_grad` that belong to this part."""
    width = sender_grad.shape[1]
    for i in range(targets.shape[0]):
        for n in range(targets.shape[1]):
            j = targets[i, n]
            if j < 0:
                break
            # Multiples of the golden ratio modulo one: few or neighbouring senders fall to all parts alike.
            if (((j * 2654435769) & 0xFFFFFFFF) * parts) >> 32 != part:
                continue
            to, at = j * width, (i * deltas.shape[1] + n) * width
            for h in range(0, width, LANES):
                store(sender_grad, to + h, load(sender_grad, to + h) + load(deltas, at + h))
