"""FFT plans of the library inside PyTorch, made once for a length.

`torch.fft` makes a plan at every call, which takes several times as long as the transform of a row, and
writes to fresh memory. PyTorch's own builds for x86 export the functions of that library; where one does not,
or where a check against `torch.fft` fails, `available` says no.
"""

import ctypes
import functools
import platform
from typing import NamedTuple

import torch

# Names and values of the interface (mkl_dfti.h).
_REAL, _COMPLEX_COMPLEX, _IN_PLACE = 33, 39, 43
_CONJUGATE_EVEN_STORAGE, _PLACEMENT, _THREAD_LIMIT = 10, 11, 27

_TYPES = {torch.float32: "s", torch.float64: "d"}


class Functions(NamedTuple):
    """Addresses of the functions that transform in place: long f(void *plan, void *numbers)."""

    forward: int
    backward: int


class Plan:
    """A real FFT of one row in place: L numbers there, L/2 + 1 complex ones back, neither scaled.

    It runs in one thread, and may be used by several at once.
    """

    def __init__(self, length: int, dtype: torch.dtype) -> None:
        library = _library()
        assert library is not None
        self._library = library
        self._handle = ctypes.c_void_p()
        create = getattr(library, f"DftiCreateDescriptor_{_TYPES[dtype]}_1d")
        _check(create(ctypes.byref(self._handle), ctypes.c_long(_REAL), ctypes.c_long(length)))
        for name, value in (
            (_PLACEMENT, _IN_PLACE),
            (_CONJUGATE_EVEN_STORAGE, _COMPLEX_COMPLEX),
            (_THREAD_LIMIT, 1),
        ):
            _check(library.DftiSetValue(self._handle, ctypes.c_int(name), ctypes.c_long(value)))
        _check(library.DftiCommitDescriptor(self._handle))

    @property
    def address(self) -> int:
        """What the functions take as their plan."""
        return self._handle.value or 0

    def __del__(self) -> None:
        self._library.DftiFreeDescriptor(ctypes.byref(self._handle))


def plan(length: int, dtype: torch.dtype) -> Plan:
    """The plan of a length; a caller keeps it while its address is in use."""
    return (_plan if length <= _LARGE else _large_plan)(length, dtype)


# A plan takes about ten bytes for every number of a row.
_LARGE = 1 << 14
_plan = functools.lru_cache(maxsize=256)(Plan)
_large_plan = functools.lru_cache(maxsize=8)(Plan)


@functools.cache
def functions() -> Functions:
    """Those that a kernel calls."""
    library = _library()
    assert library is not None
    names = (library.DftiComputeForward, library.DftiComputeBackward)
    return Functions(*(ctypes.cast(f, ctypes.c_void_p).value or 0 for f in names))


@functools.cache
def available() -> bool:
    """Whether the library is there and does what `torch.fft` does."""
    if _library() is None:
        return False
    for dtype in _TYPES:
        # Two numbers more than are transformed: the spectrum has a bin more than half of them.
        row = torch.linspace(-1, 2, 14, dtype=dtype).square()
        expected = row[:12].clone()
        address = ctypes.c_void_p(row.data_ptr())
        made = Plan(12, dtype)
        handle = ctypes.c_void_p(made.address)
        for function, result in (
            ("DftiComputeForward", torch.view_as_real(torch.fft.rfft(expected)).flatten()),
            ("DftiComputeBackward", 12 * expected),
        ):
            status = getattr(_library(), function)(handle, address)
            if status or not torch.allclose(row[: len(result)], result, rtol=1e-4, atol=1e-4):
                return False
    return True


@functools.cache
def _library() -> ctypes.CDLL | None:
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkl.is_available():
        return None
    try:
        library = ctypes.CDLL(torch._C.__file__)  # finds what this has loaded, too
        for name in ("DftiSetValue", "DftiCommitDescriptor", "DftiComputeForward", "DftiComputeBackward"):
            getattr(library, name).restype = ctypes.c_long
        for name in ("DftiCreateDescriptor_s_1d", "DftiCreateDescriptor_d_1d", "DftiFreeDescriptor"):
            getattr(library, name).restype = ctypes.c_long
    except (OSError, AttributeError):
        return None
    return library


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"the FFT library refused a plan, status {status}")
