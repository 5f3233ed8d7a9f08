"""Which kernels run: compiled ones ("native") where they can, plain torch ("torch") everywhere else.

The environment variable GHYENA_KERNELS names one of the two to force it. Results agree to rounding.
"""

import functools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from geometric_hyena.errors import InputError

CHOICES = ("torch", "native")
_VARIABLE = "GHYENA_KERNELS"
_DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)

_override: str | None = None


def use_native(*tensors: Tensor) -> bool:
    """Whether compiled kernels take these tensors: on the CPU, in one type of single or double precision.

    Raises:
        InputError: if GHYENA_KERNELS is set to something else than one of `CHOICES`.
    """
    choice = _override or _from_environment()
    if choice == "torch" or torch.compiler.is_compiling():
        return False
    dtype = tensors[0].dtype
    if dtype not in _DTYPES or any(t.device.type != "cpu" or t.dtype != dtype for t in tensors):
        return False
    if numba_imports():
        return True
    if choice == "native":
        _warn_once()
    return False


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
def _warn_once() -> None:
    warnings.warn(
        f"{_VARIABLE}=native needs the package 'numba', which is not installed; plain torch runs instead. "
        "Install it with: pip install 'geometric-hyena[native]'",
        stacklevel=2,
    )


def _from_environment() -> str | None:
    choice = os.environ.get(_VARIABLE)
    return _checked(choice, _VARIABLE) if choice else None


def _checked(choice: str, name: str) -> str:
    if choice not in CHOICES:
        raise InputError(f"{name}: expected one of {', '.join(CHOICES)}, got {choice!r}")
    return choice
