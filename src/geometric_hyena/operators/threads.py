"""Threads for compiled kernels that release the interpreter's lock.

Threads of our own, not an OpenMP or TBB layer of Numba: they do not fight torch's while these spin, are safe
to use from several threads at once, and survive a fork.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

_CORES = os.cpu_count() or 1
# Numbers that are worth a thread.
_ROWS_SHARE = 1 << 15
_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):  # a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_forget_pool)


def in_threads(kernel: Callable[..., Any], calls: Sequence[tuple]) -> list[Any]:
    """kernel(*arguments) for each of `calls`: the first in this thread, the others in threads of the pool."""
    global _pool
    if len(calls) > 1 and _pool is None:
        _pool = ThreadPoolExecutor(_CORES, thread_name_prefix="geometric-hyena")
    others = [_pool.submit(kernel, *arguments) for arguments in calls[1:]] if _pool else []
    own = [kernel(*arguments) for arguments in calls[:1]]
    return own + [other.result() for other in others]


def share_count(work: int, least: int) -> int:
    """Into how many parts to cut `work`: at most one for each of torch's threads, none below `least`."""
    return max(1, min(torch.get_num_threads(), _CORES, work // least))


def shares(start: int, stop: int, parts: int, multiple: int = 1) -> list[tuple[int, int]]:
    """Cut a range into at most `parts`, each but the last a multiple of `multiple` long."""
    step = max(1, -(-(stop - start) // (parts * multiple))) * multiple
    return [(a, min(a + step, stop)) for a in range(start, stop, step)]


def over_rows(kernel: Callable[..., Any], rows: int, work: int, arguments: tuple) -> None:
    """kernel(*arguments, first, last) over all rows, in threads where the `work` (numbers) is worth them."""
    parts = share_count(work, _ROWS_SHARE)
    if parts == 1:
        kernel(*arguments, 0, rows)
    else:
        in_threads(kernel, [(*arguments, first, last) for first, last in shares(0, rows, parts)])
