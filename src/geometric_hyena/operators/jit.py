"""Numba as the kernels of the convolution use it: compiled functions, and arrays at an address.

Kernels take addresses and strides instead of arrays where making the array objects of some dozen views would
cost more than the work on a short sequence. Whoever calls keeps the memory alive meanwhile.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import carray, njit, types  # pyright: ignore[reportPrivateImportUsage]
from numba.extending import intrinsic

from geometric_hyena.operators.kernel_cache import kept

# Sums may be taken in any order, so that they are vectorised; infinities and NaN stay what they are.
FASTMATH = {"contract", "nsz", "reassoc"}


def compiled(function: Callable[..., Any]) -> Any:
    """`njit` without the interpreter lock; the machine code is kept on disk where one may write."""
    return kept(njit(function, nogil=True, error_model="numpy", fastmath=FASTMATH))


def inlined(function: Callable[..., Any]) -> Any:
    """A part of a kernel, which becomes part of its loop."""
    return njit(function, error_model="numpy", fastmath=FASTMATH, forceinline=True)


def emitted(function: Callable[..., Any]) -> Any:
    """An operation that writes its own LLVM instructions."""
    return intrinsic(function)


@emitted
def pointer_at(typing, address, offset, like):
    """The address of the number `offset` numbers of the type of `like` behind `address`."""

    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))
        return builder.gep(pointer, [arguments[1]])

    return types.CPointer(like)(address, offset, like), generate


@emitted
def transform_in_place(typing, function, plan, pointer):
    """Call an FFT function at an address, long f(void *plan, void *numbers, ...); gives its status."""

    def generate(context, builder, signature, arguments):
        nothing = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.IntType(64), [nothing], var_arg=True)
        called = builder.inttoptr(arguments[0], kind.as_pointer())
        handle = builder.inttoptr(arguments[1], nothing)
        return builder.call(called, [handle, builder.bitcast(arguments[2], nothing)])

    return types.int64(function, plan, pointer), generate


@inlined
def array_at(address, offset, size, like):
    """The `size` numbers of the type of `like` that begin `offset` numbers behind `address`."""
    return carray(pointer_at(address, offset, like), (size,))
