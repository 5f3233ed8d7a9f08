"""Vectors of several numbers for Numba, with + - *, and complex spectra read into them.

A loop over interleaved real and imaginary parts is not vectorised by the compiler at all, and one over
complex numbers handled as integers only in half registers; here the shuffles are written out. Lanes stand in
the order that takes the fewest of them, which is no matter for arithmetic lane by lane. `lanes_of_arrays`
reads them from arrays of reals.
"""

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, models, register_model, type_callable

from geometric_hyena.operators.jit import emitted

LANES = 8


class Lanes(types.Type):
    """`LANES` numbers of one type."""

    def __init__(self, dtype):
        super().__init__(name=f"Lanes({dtype})")
        self.dtype = dtype


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, vector_type(lanes.dtype))


def vector_type(dtype) -> ir.VectorType:
    """LLVM's type of lanes of a type of numbers."""
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), LANES)


def _shuffle(builder, a, b, places: list[int]):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), places))


def in_every_lane(builder, number):
    """The instructions that repeat one number."""
    empty = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, first, first, [0] * LANES)


def _halves(builder, pointer, dtype) -> tuple[Any, Any]:
    """Where two vectors lie one behind the other."""
    first = builder.bitcast(pointer, vector_type(dtype).as_pointer())
    return first, builder.gep(first, [ir.Constant(ir.IntType(64), 1)])


# Even and odd places of two vectors, in the order that one instruction gives; and the way back.
_EVEN, _ODD = [0, 2, 8, 10, 4, 6, 12, 14], [1, 3, 9, 11, 5, 7, 13, 15]
_FIRST, _SECOND = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]


@emitted
def load_complex(typing, pointer):
    """Real and imaginary parts of the `LANES` complex numbers at a pointer to reals."""
    dtype = pointer.dtype
    lanes = Lanes(dtype)

    def generate(context, builder, signature, arguments):
        size = context.get_abi_sizeof(context.get_value_type(dtype))
        a, b = (builder.load(at, align=size) for at in _halves(builder, arguments[0], dtype))
        parts = [_shuffle(builder, a, b, _EVEN), _shuffle(builder, a, b, _ODD)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(lanes, 2)(pointer), generate


@emitted
def store_complex(typing, pointer, real, imag):
    """Write `LANES` complex numbers."""
    dtype = pointer.dtype

    def generate(context, builder, signature, arguments):
        size = context.get_abi_sizeof(context.get_value_type(dtype))
        address, real_part, imag_part = arguments
        first, second = _halves(builder, address, dtype)
        builder.store(_shuffle(builder, real_part, imag_part, _FIRST), first, align=size)
        builder.store(_shuffle(builder, real_part, imag_part, _SECOND), second, align=size)
        return context.get_dummy_value()

    return types.void(pointer, real, imag), generate


@emitted
def spread(typing, number):
    """A number in every lane."""

    def generate(context, builder, signature, arguments):
        return in_every_lane(builder, arguments[0])

    return Lanes(number)(number), generate


@emitted
def total(typing, lanes):
    """Sum over the lanes, in pairs."""

    def generate(context, builder, signature, arguments):
        parts = [
            builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), lane)) for lane in range(LANES)
        ]
        while len(parts) > 1:
            parts = [builder.fadd(x, y) for x, y in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    return lanes.dtype(lanes), generate


def _define(operation: Any, instruction: str) -> None:
    """An operator of lanes; products and sums may be contracted into one instruction."""

    @type_callable(operation)
    def typed(context):
        return lambda a, b: a if isinstance(a, Lanes) and a == b else None

    @lower_builtin(operation, Lanes, Lanes)
    def lowered(context, builder, signature, arguments):
        return getattr(builder, instruction)(*arguments, flags=["contract"])


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
