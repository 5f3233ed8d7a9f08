"""Which kernels run: compiled ones ("native") where they can, plain torch ("torch") everywhere else.

Numba compiles for tensors on the CPU, Triton for those on a GPU. The environment variable GHYENA_KERNELS
names one of the two choices to force it. Results agree to rounding.
"""

import functools
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from geometric_hyena.errors import InputError

CHOICES = ("torch", "native")
_VARIABLE = "GHYENA_KERNELS"
_SINGLE_AND_DOUBLE = (torch.float32, torch.float64, torch.complex64, torch.complex128)
# device: what compiles for it, and the types that it takes
_BACKENDS = {
    "cpu": ("numba", _SINGLE_AND_DOUBLE),
    "cuda": ("triton", (*_SINGLE_AND_DOUBLE, torch.float16, torch.bfloat16)),
}

_override: str | None = None


def native_backend(*tensors: Tensor) -> str | None:
    """What serves these tensors by compiled kernels: "numba", "triton", or None where plain torch has to.

    All must lie on one device, in one type: on the CPU single or double precision, on a GPU half, too.

    Raises:
        InputError: if GHYENA_KERNELS is set to something else than one of `CHOICES`.
    """
    choice = _override or _from_environment()
    if choice == "torch" or torch.compiler.is_compiling():
        return None
    device, dtype = tensors[0].device, tensors[0].dtype
    if device.type not in _BACKENDS or any(t.device != device or t.dtype != dtype for t in tensors):
        return None
    backend, dtypes = _BACKENDS[device.type]
    if dtype in dtypes:
        missing = _numba_lacks() if backend == "numba" else _triton_lacks()
    else:
        missing = f"has no compiled kernels for {dtype} on {device.type}"
    if missing is None:
        return backend
    if choice == "native":
        _warn_once(missing)
    return None


@contextmanager
def kernels(choice: str) -> Iterator[None]:
    """Force "torch" or "native" inside a `with` block, in all threads."""
    global _override
    before, _override = _override, _checked(choice, "kernels")
    try:
        yield
    finally:
        _override = before


@functools.cache
def numba_imports() -> bool:
    """Whether Numba is there; it is imported no earlier than the first operator runs."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


@functools.cache
def triton_imports() -> bool:
    """Whether Triton is there; PyTorch's builds for CUDA bring it."""
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return True


def _numba_lacks() -> str | None:
    if numba_imports():
        return None
    return "needs the package 'numba': pip install 'geometric-hyena[native]'"


@functools.cache
def _triton_lacks() -> str | None:
    if not triton_imports():
        return "needs the package 'triton' on a GPU: pip install triton"
    # Triton builds its launcher at the first call, and fails there without a compiler.
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "needs a C compiler on a GPU, for Triton: install gcc or set CC"
    return None


@functools.cache
def _warn_once(missing: str) -> None:
    warnings.warn(f"{_VARIABLE}=native {missing}; plain torch runs instead.", stacklevel=2)


def _from_environment() -> str | None:
    choice = os.environ.get(_VARIABLE)
    return _checked(choice, _VARIABLE) if choice else None


def _checked(choice: str, name: str) -> str:
    if choice not in CHOICES:
        raise InputError(f"{name}: expected one of {', '.join(CHOICES)}, got {choice!r}")
    return choice
