"""Several processes on this machine in one gloo group."""

import os
import pickle
import signal
import tempfile
import traceback
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# Seconds that a rank waits for the others: no measure of anything, only no wait for ever.
TIMEOUT = 300


def together(function, ranks, *arguments, timeout=TIMEOUT):
    """What function(rank, *arguments) returned on each rank; an exception where it raised; None if killed."""
    with tempfile.TemporaryDirectory() as folder:
        context = mp.get_context("spawn")
        processes = [
            context.Process(target=_run, args=(function, rank, ranks, folder, timeout, arguments))
            for rank in range(ranks)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(2 * timeout)
            if process.is_alive():
                process.kill()
        files = [Path(folder) / f"result{rank}" for rank in range(ranks)]
        return [pickle.loads(file.read_bytes()) if file.exists() else None for file in files]


def succeed(function, ranks, *arguments):
    """The same, for functions that must not fail."""
    found = together(function, ranks, *arguments)
    for result in found:
        assert not isinstance(result, Exception), getattr(result, "trace", result)
    return found


def die():
    """End this process as a machine that fails would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _run(function, rank, ranks, folder, timeout, arguments):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=ranks,
        timeout=timedelta(seconds=timeout),
    )
    try:
        result = function(rank, *arguments)
    except Exception as error:
        result = error
        result.trace = traceback.format_exc()
    part = Path(folder) / f"part{rank}"
    part.write_bytes(pickle.dumps(result))
    part.rename(Path(folder) / f"result{rank}")
