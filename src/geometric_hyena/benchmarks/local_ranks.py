"""A function on several processes of this machine, in one gloo group."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.multiprocessing.spawn import ProcessException, spawn

from geometric_hyena.errors import GHyenaError

# The GNU C library keeps what is freed in blocks of up to 32 MiB. The parts of a sequence are such
# blocks at the size of a benchmark: processes held up to a third more than they used. Larger blocks it gives
# back at once, and so does a process with all of them that is told so at its start.
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 20)}

# Seconds that a rank waits for the others: long, as nothing is known of the machine.
_TIMEOUT = 3600


def on_ranks(function: Callable[..., Any], ranks: int, *arguments: Any) -> list[Any]:
    """What function(*arguments) returned on each rank; the default group is theirs.

    Raises:
        GHyenaError: where it failed on one, with that error.
    """
    answers = mp.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        try:
            with _environment(_GIVE_BACK):
                spawn(_run, (ranks, f"file://{folder}/meeting", answers, function, arguments), nprocs=ranks)
        except ProcessException as error:
            last = str(error).strip().splitlines()[-1]
            raise GHyenaError(f"a run on {ranks} processes failed: {last}") from error
    found = dict(answers.get() for _ in range(ranks))
    return [found[rank] for rank in range(ranks)]


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables that processes started inside the block inherit."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _run(
    rank: int, ranks: int, meeting: str, answers, function: Callable[..., Any], arguments: tuple
) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=ranks, timeout=timedelta(seconds=_TIMEOUT)
    )
    answers.put((rank, function(*arguments)))
    dist.barrier()
    dist.destroy_process_group()
