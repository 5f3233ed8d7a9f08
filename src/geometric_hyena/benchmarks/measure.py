"""Time as interleaved medians, and peak memory of the process."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

Call = Callable[[], object]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def interleaved_medians(calls: Mapping[str, Call], repeats: int = 5) -> dict[str, float]:
    """Median seconds of each call, taken in turns (A B A B ...) so that drift and neighbours hit all alike.

    Short calls are repeated inside a turn. Each call runs once before, unmeasured.
    """
    inner = {}
    for name, call in calls.items():
        call()
        inner[name] = max(1, min(100, int(0.05 / max(_timed(call, 1), 1e-6))))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            taken[name].append(_timed(call, inner[name]))
    return {name: statistics.median(values) for name, values in taken.items()}


def _timed(call: Call, times: int) -> float:
    _synchronize()
    start = time.perf_counter()
    for _ in range(times):
        call()
    _synchronize()
    return (time.perf_counter() - start) / times


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_bytes(call: Call) -> int:
    """Bytes that the process (or the GPU) held at most during the call, above what it held before.

    On the CPU this is the peak resident set of Linux, read from /proc; where that is not to be had, -1.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    if not _CLEAR.exists():
        return -1
    call()  # libraries allocate their workspaces at the first call
    _give_back_freed_memory()
    _CLEAR.write_text("5")  # resets the peak
    before = _status_bytes("VmRSS")
    call()
    return _status_bytes("VmHWM") - before


def _give_back_freed_memory() -> None:
    """Let the C library return what it holds free, or a call would fill it unseen."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return -1
