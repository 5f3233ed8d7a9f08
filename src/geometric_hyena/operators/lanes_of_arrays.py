"""Lanes read from arrays of reals and written to them, and what the activation of messages is made of."""

import math

import numpy as np
from llvmlite import ir
from numba import types

from geometric_hyena.operators.jit import emitted
from geometric_hyena.operators.lanes import LANES, Lanes, in_every_lane, vector_type


def _address(context, builder, array_type, array, offset, pointee):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), pointee.as_pointer())


@emitted
def load(typing, array, offset):
    """array.flat[offset : offset + LANES]."""

    def generate(context, builder, signature, arguments):
        vector = vector_type(array.dtype)
        address = _address(context, builder, array, arguments[0], arguments[1], vector)
        return builder.load(address, align=array.dtype.bitwidth // 8)

    return Lanes(array.dtype)(array, types.intp), generate


@emitted
def store(typing, array, offset, lanes):
    """array.flat[offset : offset + LANES] = lanes."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, array, arguments[0], arguments[1], vector_type(array.dtype))
        builder.store(arguments[2], address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@emitted
def repeat(typing, array, offset):
    """array.flat[offset] in every lane."""

    def generate(context, builder, signature, arguments):
        address = _address(
            context, builder, array, arguments[0], arguments[1], vector_type(array.dtype).element
        )
        return in_every_lane(builder, builder.load(address))

    return Lanes(array.dtype)(array, types.intp), generate


@emitted
def zeros(typing, array):
    """Zero in every lane, in the type of an array."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(vector_type(array.dtype), [0.0] * LANES)

    return Lanes(array.dtype)(array), generate


@emitted
def ratio(typing, a, b):
    """a / b."""
    return a(a, a), lambda context, builder, signature, arguments: builder.fdiv(*arguments)


@emitted
def negative(typing, a):
    """-a."""
    return a(a), lambda context, builder, signature, arguments: builder.fneg(arguments[0])


@emitted
def ones(typing, a):
    """One in every lane, in the type of others."""
    return a(a), lambda context, builder, signature, arguments: ir.Constant(
        vector_type(a.dtype), [1.0] * LANES
    )


@emitted
def fma(typing, a, b, c):
    """a * b + c, in one instruction where the processor has it."""

    def generate(context, builder, signature, arguments):
        return _multiply_add(builder, *arguments)

    return a(a, a, a), generate


def _multiply_add(builder, a, b, c):
    return builder.fadd(builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])


# 2^f at |f| <= 1/2, lowest power first: minimax in single precision (9e-8), Taylor's series in double. Then
# the largest |y| and the bits of the mantissa.
_SINGLE = [1.0, 0.693147004, 0.240222424, 0.0555073359, 0.00967151299, 0.00132647273], 126.0, 23
_DOUBLE = [math.log(2) ** k / math.factorial(k) for k in range(14)], 1022.0, 52


@emitted
def one_plus_exp(typing, a):
    """1 + exp(-x) = 1 + 2^y, with y = -x / ln 2 clamped so that nothing overflows.

    Adding 1.5 * 2^mantissa rounds y to an integer n and leaves n in the lowest bits, from where it is added
    to the exponent of 2^(y - n).
    """
    series, limit, mantissa = _SINGLE if a.dtype == types.float32 else _DOUBLE

    def generate(context, builder, signature, arguments):
        vector = vector_type(a.dtype)
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
