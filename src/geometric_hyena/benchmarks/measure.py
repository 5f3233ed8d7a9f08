"""Time as interleaved medians, and peak memory of the process."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from geometric_hyena.memory import kibibytes
from geometric_hyena.operators.workspace import forget_scratch

Call = Callable[[], object]

# Seconds that all turns of one call may take together; one that takes longer alone has no second turn.
PATIENCE = 5.0

# Seconds of a turn of short calls: the first after another's turn finds cold caches and fresh pages.
_TURN = 0.5

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Measured(NamedTuple):
    """Seconds of a call, and bytes held at most during it above what was held before (-1 where unknown)."""

    seconds: float
    bytes: int


def interleaved_medians(calls: Mapping[str, Call], repeats: int = 5) -> dict[str, float]:
    """Median seconds of each call, taken in turns (A B A B ...) so that drift and neighbours hit all alike.

    Each call runs once before, unmeasured, unless that alone takes more than `PATIENCE` seconds: then it is
    the measurement. Short calls are repeated inside a turn, long ones have fewer turns than `repeats`.
    """
    first = {name: _timed(call, 1) for name, call in calls.items()}
    long = {name: seconds for name, seconds in first.items() if seconds > PATIENCE}
    return long | _medians({name: call for name, call in calls.items() if name not in long}, repeats)


def times_and_peaks(calls: Mapping[str, Call], repeats: int = 5) -> dict[str, Measured]:
    """Time and peak memory of each call; one that takes longer than `PATIENCE` runs once for both."""
    first = {name: _time_and_peak(call) for name, call in calls.items()}
    again = {name: call for name, call in calls.items() if first[name].seconds <= PATIENCE}
    medians = _medians(again, repeats)
    return first | {
        name: Measured(medians[name], peak_bytes(call, warm=True)) for name, call in again.items()
    }


def _medians(calls: Mapping[str, Call], repeats: int) -> dict[str, float]:
    inner, turns = {}, {}
    taken: dict[str, list[float]] = {}
    for name, call in calls.items():
        seconds = _timed(call, 1)
        inner[name] = max(1, min(100, int(_TURN / max(seconds, 1e-6))))
        turns[name] = max(1, min(repeats, int(PATIENCE / max(seconds, 1e-6))))
        taken[name] = [seconds] if inner[name] == 1 else []
    for _ in range(repeats):
        for name, call in calls.items():
            if len(taken[name]) < turns[name]:
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


def peak_bytes(call: Call, warm: bool = False) -> int:
    """Bytes that the process (or the GPU) held at most during the call, above what it held before.

    Scratch memory of the operators counts; what libraries allocate once, at the first call, does not. On the
    CPU this is the peak resident set of Linux, read from /proc; where that is not to be had, -1.

    Args:
        call: what to measure.
        warm: whether it has run before; else it runs once unmeasured.
    """
    if not warm:
        call()
    return _time_and_peak(call).bytes


def _time_and_peak(call: Call) -> Measured:
    forget_scratch()
    gc.collect(1)  # the call before may have left cycles; older ones are not its
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        seconds = _timed(call, 1)
        return Measured(seconds, torch.cuda.max_memory_allocated() - before)
    if not _CLEAR.exists():
        return Measured(_timed(call, 1), -1)
    reset_peak()
    before = kibibytes(_STATUS, "VmRSS")
    seconds = _timed(call, 1)
    return Measured(seconds, 1024 * (kibibytes(_STATUS, "VmHWM") - before))


def reset_peak() -> None:
    """Count the peak of the process from now on, where Linux can."""
    _give_back_freed_memory()
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def _give_back_freed_memory() -> None:
    """Let the C library return what it holds free, or a call would fill it unseen."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
