"""Message moments compiled with Numba: what one thread does with a slice of the tokens.

Written in vectors of `LANES` hidden channels, four edges at a time, so that moments and messages stay in
registers: LLVM's own vectorisation would pass them through memory. H must be a multiple of `LANES`, the
forward's number of moments one of four, and all arrays contiguous. In one file, because that is all that
Numba's cache compares with its machine code.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, models, register_model

from geometric_hyena.operators.kernel_cache import kept

LANES = 8
# The sum over the edges of a block of tokens is one term of the gradient to W.
BLOCK = 32


def _compiled(function) -> Any:
    """`njit` without the interpreter lock; the machine code is kept on disk where one may write."""
    return kept(njit(function, nogil=True, error_model="numpy"))


def _inlined(function) -> Any:
    return njit(function, error_model="numpy", forceinline=True)


def _emitted(function) -> Any:
    """An operation that writes its own LLVM instructions."""
    return intrinsic(function)


# --- vectors of LANES numbers ---


class _Lanes(types.Type):
    def __init__(self, dtype):
        super().__init__(name=f"Lanes({dtype})")
        self.dtype = dtype


def _vector(dtype) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), LANES)


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, _vector(lanes.dtype))


def _address(context, builder, array_type, array, offset, pointee):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), pointee.as_pointer())


def _spread(builder, scalar):
    vector = ir.VectorType(scalar.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )


@_emitted
def _load(typing, array, offset):
    """array.flat[offset : offset + LANES]."""

    def generate(context, builder, signature, arguments):
        vector = _vector(array.dtype)
        address = _address(context, builder, array, arguments[0], arguments[1], vector)
        return builder.load(address, align=array.dtype.bitwidth // 8)

    return _Lanes(array.dtype)(array, types.intp), generate


@_emitted
def _store(typing, array, offset, lanes):
    def generate(context, builder, signature, arguments):
        address = _address(context, builder, array, arguments[0], arguments[1], _vector(array.dtype))
        builder.store(arguments[2], address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@_emitted
def _repeat(typing, array, offset):
    """array.flat[offset] in every lane."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, array, arguments[0], arguments[1], _vector(array.dtype).element)
        return _spread(builder, builder.load(address))

    return _Lanes(array.dtype)(array, types.intp), generate


@_emitted
def _zeros(typing, array):
    def generate(context, builder, signature, arguments):
        return ir.Constant(_vector(array.dtype), [0.0] * LANES)

    return _Lanes(array.dtype)(array), generate


@_emitted
def _add(typing, a, b):
    return a(a, a), lambda context, builder, signature, arguments: builder.fadd(
        *arguments, flags=["contract"]
    )


@_emitted
def _times(typing, a, b):
    return a(a, a), lambda context, builder, signature, arguments: builder.fmul(
        *arguments, flags=["contract"]
    )


@_emitted
def _ratio(typing, a, b):
    return a(a, a), lambda context, builder, signature, arguments: builder.fdiv(*arguments)


@_emitted
def _negative(typing, a):
    return a(a), lambda context, builder, signature, arguments: builder.fneg(arguments[0])


@_emitted
def _ones(typing, a):
    return a(a), lambda context, builder, signature, arguments: ir.Constant(_vector(a.dtype), [1.0] * LANES)


@_emitted
def _fma(typing, a, b, c):
    """a * b + c, in one instruction where the processor has it."""

    def generate(context, builder, signature, arguments):
        return _multiply_add(builder, *arguments)

    return a(a, a, a), generate


def _multiply_add(builder, a, b, c):
    return builder.fadd(builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])


@_emitted
def _sum(typing, a):
    """Sum over the lanes, in pairs."""

    def generate(context, builder, signature, arguments):
        parts = [
            builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), lane)) for lane in range(LANES)
        ]
        while len(parts) > 1:
            parts = [builder.fadd(x, y) for x, y in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    return a.dtype(a), generate


# 2^f at |f| <= 1/2, lowest power first: minimax in single precision (9e-8), Taylor's series in double. Then
# the largest |y| and the bits of the mantissa.
_SINGLE = [1.0, 0.693147004, 0.240222424, 0.0555073359, 0.00967151299, 0.00132647273], 126.0, 23
_DOUBLE = [math.log(2) ** k / math.factorial(k) for k in range(14)], 1022.0, 52


@_emitted
def _one_plus_exp(typing, a):
    """1 + exp(-x) = 1 + 2^y, with y = -x / ln 2 clamped so that nothing overflows.

    Adding 1.5 * 2^mantissa rounds y to an integer n and leaves n in the lowest bits, from where it is added
    to the exponent of 2^(y - n).
    """
    series, limit, mantissa = _SINGLE if a.dtype == types.float32 else _DOUBLE

    def generate(context, builder, signature, arguments):
        vector = _vector(a.dtype)
        bits = ir.VectorType(ir.IntType(a.dtype.bitwidth), LANES)

        def constant(value):
            number = float(np.float32(value)) if a.dtype == types.float32 else float(value)
            return ir.Constant(vector, [number] * LANES)

        def clamp(comparison, value, bound):
            return builder.select(builder.fcmp_ordered(comparison, value, bound), value, bound)

        y = builder.fmul(arguments[0], constant(-1 / math.log(2)))
        y = clamp("<", clamp(">", y, constant(-limit)), constant(limit))
        shift = constant(1.5 * 2**mantissa)
        shifted = builder.fadd(y, shift)
        f = builder.fsub(y, builder.fsub(shifted, shift))
        power = constant(series[-1])
        for coefficient in series[-2::-1]:
            power = _multiply_add(builder, power, f, constant(coefficient))
        exponent = builder.shl(builder.bitcast(shifted, bits), ir.Constant(bits, [mantissa] * LANES))
        power = builder.bitcast(builder.add(builder.bitcast(power, bits), exponent), vector)
        return builder.fadd(constant(1), power)

    return a(a), generate


# --- edges ---


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
    z0, z1 = _add(token, _load(sender, rows[n] + h)), _add(token, _load(sender, rows[n + 1] + h))
    z2, z3 = _add(token, _load(sender, rows[n + 2] + h)), _add(token, _load(sender, rows[n + 3] + h))
    for e in range(size):
        row, at = _load(edge_map, e * width + h), n * size + e
        z0, z1 = _fma(_repeat(features, at), row, z0), _fma(_repeat(features, at + size), row, z1)
        z2 = _fma(_repeat(features, at + 2 * size), row, z2)
        z3 = _fma(_repeat(features, at + 3 * size), row, z3)
    return z0, z1, z2, z3


@_inlined
def _weighted(total, values, weights, at, step):
    """total + sum over four edges of weights.flat[at + step * edge] * value."""
    total = _fma(_repeat(weights, at), values[0], total)
    total = _fma(_repeat(weights, at + step), values[1], total)
    total = _fma(_repeat(weights, at + 2 * step), values[2], total)
    return _fma(_repeat(weights, at + 3 * step), values[3], total)


@_compiled
def forward_tokens(start, stop, receiver, sender, edge_map, index, edges, coefficients, out):
    """Moments of the tokens from `start` to `stop`; False where `index` leaves the rows of `sender`."""
    width, neighbors, moments = receiver.shape[1], index.shape[1], coefficients.shape[2]
    places, rows = np.empty(neighbors, np.int64), np.empty(neighbors + 3, np.int64)
    features = np.empty((neighbors + 3, edges.shape[2]), receiver.dtype)
    weights = np.empty((neighbors + 3, moments), receiver.dtype)
    for i in range(start, stop):
        count = _gather(
            i, False, sender.shape[0], width, index, edges, coefficients, places, rows, features, weights
        )
        if count < 0:
            return False
        for p in range(0, moments, 4):
            for h in range(0, width, LANES):
                token = _load(receiver, i * width + h)
                m0, m1, m2, m3 = _zeros(out), _zeros(out), _zeros(out), _zeros(out)
                for n in range(0, count, 4):
                    z0, z1, z2, z3 = _hidden(token, n, h, sender, rows, features, edge_map)
                    messages = (
                        _ratio(z0, _one_plus_exp(z0)),
                        _ratio(z1, _one_plus_exp(z1)),
                        _ratio(z2, _one_plus_exp(z2)),
                        _ratio(z3, _one_plus_exp(z3)),
                    )
                    at = n * moments + p
                    m0 = _weighted(m0, messages, weights, at, moments)
                    m1 = _weighted(m1, messages, weights, at + 1, moments)
                    m2 = _weighted(m2, messages, weights, at + 2, moments)
                    m3 = _weighted(m3, messages, weights, at + 3, moments)
                at = (i * moments + p) * width + h
                _store(out, at, m0)
                _store(out, at + width, m1)
                _store(out, at + 2 * width, m2)
                _store(out, at + 3 * width, m3)
    return True


@_inlined
def _delta(z, coming):
    """(silu(z), coming * silu'(z)), with silu' = s + m (1 - s), s = sigmoid(z) and m = silu(z)."""
    gate = _ratio(_ones(z), _one_plus_exp(z))
    message = _times(z, gate)
    return message, _times(coming, _add(gate, _fma(_negative(message), gate, message)))


@_inlined
def _dot(a, at_a, b, at_b, width):
    total = _times(_load(a, at_a), _load(b, at_b))
    for h in range(LANES, width, LANES):
        total = _fma(_load(a, at_a + h), _load(b, at_b + h), total)
    return _sum(total)


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
            token, total = _load(receiver, i * width + h), _zeros(receiver)
            for n in range(0, count, 4):
                z0, z1, z2, z3 = _hidden(token, n, h, sender, rows, features, edge_map)
                d0, d1, d2, d3 = _zeros(receiver), _zeros(receiver), _zeros(receiver), _zeros(receiver)
                for p in range(moments):
                    coming, at = _load(grad, (i * moments + p) * width + h), n * moments + p
                    d0 = _fma(_repeat(weights, at), coming, d0)
                    d1 = _fma(_repeat(weights, at + moments), coming, d1)
                    d2 = _fma(_repeat(weights, at + 2 * moments), coming, d2)
                    d3 = _fma(_repeat(weights, at + 3 * moments), coming, d3)
                m0, d0 = _delta(z0, d0)
                m1, d1 = _delta(z1, d1)
                m2, d2 = _delta(z2, d2)
                m3, d3 = _delta(z3, d3)
                at = n * width + h
                _store(deltas, first + at, d0)
                _store(deltas, first + at + width, d1)
                _store(deltas, first + at + 2 * width, d2)
                _store(deltas, first + at + 3 * width, d3)
                if needs_coefficients:
                    _store(messages, at, m0)
                    _store(messages, at + width, m1)
                    _store(messages, at + 2 * width, m2)
                    _store(messages, at + 3 * width, m3)
                total = _add(total, _add(_add(d0, d1), _add(d2, d3)))
                for e in range(size):
                    at = terms + e * width + h
                    term = _weighted(_load(map_terms, at), (d0, d1, d2, d3), features, n * size + e, size)
                    _store(map_terms, at, term)
            _store(receiver_grad, i * width + h, total)
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
                _store(sender_grad, to + h, _add(_load(sender_grad, to + h), _load(deltas, at + h)))
