"""Machine code of the compiled kernels on disk, compiled again where it is damaged.

Numba's own cache takes what a file holds for machine code, and ends the program where it cannot be read.
"""

import contextlib
import functools
import hashlib
import logging
import pickle
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps

_log = logging.getLogger(__name__)


class _SignedCode(CompileResultCacheImpl):
    """Compiled functions with their sha256."""

    def reduce(self, data: Any) -> tuple[bytes, bytes]:
        code = dumps(super().reduce(data))
        return hashlib.sha256(code).digest(), code

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        digest, code = payload
        if hashlib.sha256(code).digest() != digest:
            raise ValueError("the machine code has another sha256")
        return super().rebuild(target_context, pickle.loads(code))


def kept(kernel: Any) -> Any:
    """A function of `njit` whose machine code is kept on disk where one may write: a safer `cache=True`."""
    with contextlib.suppress(RuntimeError):  # neither the package nor the user's cache folder is writable
        kernel._cache = _KernelCache(kernel.py_func)
    return kernel


class _KernelCache(FunctionCache):
    """The cache of one function, in the place that numba has for it."""

    _impl_class = _SignedCode

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, None where it has to be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # unpickling meets anything in a damaged file
            name = self._py_func.__name__
            _log.warning(f"ghyena: {name}: its kept machine code is damaged ({error}); compiled again")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, where there is room for it."""
        try:
            try:
                super().save_overload(sig, data)
            except OSError:
                raise
            except Exception:  # the index is damaged: begin a new one
                self.flush()
                super().save_overload(sig, data)
        except OSError as error:
            _tell_once(f"machine code cannot be kept in {self.cache_path} ({error.strerror or error})")


@functools.cache
def _tell_once(text: str) -> None:
    _log.warning(f"ghyena: {text}; it is compiled again each time")
