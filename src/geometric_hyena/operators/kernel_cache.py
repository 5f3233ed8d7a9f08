"""Machine code of the compiled kernels on disk, compiled again where it is damaged or no longer true.

Numba's own cache takes what a file holds for machine code, and ends the program where it cannot be read. It
looks at the kernel's own file alone, and would not see a change of what is inlined from another.
"""

import contextlib
import functools
import hashlib
import logging
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
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

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=[_sha256(file, os.stat(file).st_mtime_ns) for file in _sources(function)],
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, None where it has to be compiled."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # unpickling meets anything in a damaged file
            name = self._py_func.__name__
            _log.warning(f"ghyena: {name}: its kept machine code is damaged ({error}); compiled again")
            return None
        if found is None:
            _announce()
        return found

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


def _sources(function: Callable[..., Any]) -> list[str]:
    """The function's file, and those of its package from which it has anything, directly or not."""
    package = f"{function.__module__.rpartition('.')[0]}."
    files: set[str] = set()
    waiting = [function.__globals__]
    while waiting:
        names = waiting.pop()
        if names["__file__"] not in files:
            files.add(names["__file__"])
            modules = {getattr(value, "__module__", None) for value in names.values()}
            waiting += [vars(sys.modules[m]) for m in modules if isinstance(m, str) and m.startswith(package)]
    return sorted(files)


@functools.cache
def _sha256(file: str, _changed: int) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@functools.cache
def _announce() -> None:
    """Like a progress bar for whoever waits at a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        _log.warning("ghyena: compiling kernels for this processor: once, for half a minute")


@functools.cache
def _tell_once(text: str) -> None:
    _log.warning(f"ghyena: {text}; it is compiled again each time")
