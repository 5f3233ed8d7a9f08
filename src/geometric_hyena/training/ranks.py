"""Processes that train one model together: starting them, who this one is, and what only the first does.

Everything here does nothing, and costs nothing, where a process trains alone.
"""

import atexit
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from geometric_hyena.errors import GHyenaError, InputError

Result = TypeVar("Result")

# How long the others wait while the first downloads and builds what it keeps.
_PATIENCE = timedelta(days=2)
# Set by torchrun.
_ELASTIC = "TORCHELASTIC_RUN_ID"


class FailedElsewhereError(GHyenaError):
    """Another process failed; the first one says why."""


class LostProcessError(GHyenaError):
    """Another process is gone, perhaps the first: every one that is left says so."""


def count() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if _together() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if _together() else 0


def is_first() -> bool:
    """Whether this process is the one that writes files and speaks."""
    if not _together() and _ELASTIC in os.environ:
        return os.environ["RANK"] == "0"  # torchrun started several, and they are not connected yet
    return rank() == 0


def launch(accelerator: str, devices: int, nodes: int) -> None:
    """Start the other processes of this node, unless torchrun or SLURM did, and connect all of them.

    A process that Lightning starts runs the same command again from its beginning.

    Raises:
        InputError: where what was started, or the hardware, is not what was asked for.
    """
    started = int(os.environ["WORLD_SIZE"]) if _ELASTIC in os.environ else None
    if started is not None and started != devices * nodes:
        raise InputError(
            f"devices, nodes: torchrun started {started} processes, and {devices} x {nodes} are asked for; "
            f"give --devices and --nodes as torchrun has --nproc-per-node and --nnodes"
        )
    if devices * nodes == 1 or _together():
        return
    if nodes > 1 and not os.environ.keys() & {_ELASTIC, "SLURM_JOB_ID", "NODE_RANK"}:
        raise InputError(
            f"nodes: this is one node of {nodes}; start the command on all of them by torchrun or srun, "
            f"see docs/many-gpus.md"
        )
    from lightning.fabric import Fabric

    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)  # it greets in every process
    # Before Python ends: gloo's threads, still running while the process is taken down, abort it at times.
    atexit.register(_part)
    try:
        Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy="ddp").launch()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"devices, nodes: {devices} x {nodes} cannot be started: {reason}") from error
    except Exception as error:  # Lightning's word for settings that do not fit the machine
        if type(error).__name__ != "MisconfigurationException":
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"devices: {devices} cannot be used here: {reason}") from error


def first_then_others(prepare: Callable[[], Result]) -> Result:
    """What `prepare` gives, in every process: done by the first, then by one a node, then by the rest.

    So that what the first downloads and caches is there when the others look for it.

    Raises:
        GHyenaError: in the first, what failed in any of them.
        FailedElsewhereError: in the others, then.
    """
    if count() == 1:
        return prepare()
    own_turn = 0 if is_first() else 1 if os.environ.get("LOCAL_RANK", "0") == "0" else 2
    result = None
    for turn in range(3):
        failure = None
        if turn == own_turn:
            try:
                result = prepare()
            except Exception as error:  # every process must come to the end of the turn
                failure = error
        _agree(failure)
    return result  # pyright: ignore[reportReturnType]


def from_first(action: Callable[[], Result]) -> Result:
    """Do something in the first process only, and give what it gives in all.

    Raises:
        FailedElsewhereError: in the others, where it fails in the first.
    """
    if count() == 1:
        return action()
    failure, result = None, None
    if is_first():
        try:
            result = action()
        except Exception as error:
            failure = error
    _agree(failure)
    told = [result]
    dist.broadcast_object_list(told, src=0, group=_control())
    return told[0]  # pyright: ignore[reportReturnType]


@contextmanager
def lost_processes(path: Path) -> Iterator[None]:
    """One clear error where another process of a training has died, instead of that of its connection."""
    try:
        yield
    except RuntimeError as error:
        words = ("closed by peer", "reset by peer", "broken pipe", "timed out", "gloo", "nccl")
        if count() == 1 or not any(word in str(error).lower() for word in words):
            raise
        raise LostProcessError(
            f"process {rank()} of {count()}: another process ended before its time, or cannot be reached; "
            f"go on as before with ghyena train --resume {path}"
        ) from error


def barrier() -> None:
    """Wait for all processes."""
    if count() > 1:
        dist.barrier(group=_control())


def gathered(own: Any) -> list[Any]:
    """One object of every process, in their order."""
    if count() == 1:
        return [own]
    found = [None] * count()
    dist.all_gather_object(found, own, group=_control())
    return found


def summed(numbers: Tensor) -> Tensor:
    """Sum of a tensor over the processes; each differentiates its own term alone."""
    return numbers if count() == 1 else _Summed.apply(numbers)  # pyright: ignore[reportReturnType]


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, numbers):
        total = numbers.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return grad


def _agree(failure: Exception | None) -> None:
    """Raise in all processes where one of them failed: in the first the reason."""
    told = gathered(None if failure is None else f"{type(failure).__name__}: {failure}")
    failed = [number for number, text in enumerate(told) if text is not None]
    if not failed:
        return
    if not is_first():
        if failure is not None and not isinstance(failure, GHyenaError):
            raise failure  # a defect: its traceback is wanted
        raise FailedElsewhereError(f"process {failed[0]}: {told[failed[0]]}")
    if failure is not None:
        raise failure
    raise GHyenaError(f"process {failed[0]} of {count()}: {told[failed[0]].partition(': ')[2]}")


def _part() -> None:
    """Close this process's connections to the others, which it does not wait for."""
    _control.cache_clear()
    if _together():
        dist.destroy_process_group()


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


@cache
def _control() -> dist.ProcessGroup:
    """A group for words between processes, on the CPU, that waits as long as the first may be busy."""
    group = dist.new_group(backend="gloo", timeout=_PATIENCE)
    assert isinstance(group, dist.ProcessGroup)
    return group
