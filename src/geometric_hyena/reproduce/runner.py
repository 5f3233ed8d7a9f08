"""Run the cells of a sweep, several at a time, each in a process and a run directory of its own.

A cell whose run has ended (it has a summary.json) is never run again; one that was cut off is resumed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geometric_hyena.files import make_folder
from geometric_hyena.reproduce.interrupt import noted_interrupts
from geometric_hyena.reproduce.progress import SweepProgress
from geometric_hyena.reproduce.sweep import Cell
from geometric_hyena.training.run_directory import RunDirectory, write_config

_LOOK_EVERY = 0.5  # seconds
_PATIENCE = 10.0  # seconds that a run has to end when asked to


@dataclass(frozen=True, eq=False)
class Job:
    """A cell, and where it runs."""

    cell: Cell
    recipe: str
    run: RunDirectory
    log: Path
    config: Path

    @property
    def ended(self) -> bool:
        """Whether the run has its summary."""
        return self.run.summary.is_file()

    @property
    def done(self) -> float:
        """Part of its epochs that are done."""
        return 1.0 if self.ended else _line_count(self.run.metrics) / self.cell.config.epochs


def make_job(cell: Cell, recipe: str, folder: Path) -> Job:
    """The job of a cell below the folder of its sweep."""
    run = RunDirectory(folder / "cells" / cell.name)
    return Job(
        cell, recipe, run, folder / "logs" / f"{cell.name}.log", folder / "configs" / f"{cell.name}.yaml"
    )


def run_jobs(
    jobs: Sequence[Job],
    workers: int,
    threads: int,
    *,
    cheapest_first: bool = False,
    deadline: float | None = None,
) -> dict[str, str]:
    """Run all jobs that have not ended, the long ones first unless asked otherwise.

    Where there are several GPUs, each worker has one: worker i the i-th, modulo their number.

    Args:
        jobs: one a cell.
        workers: how many run at a time.
        threads: CPU threads of each.
        cheapest_first: run the short ones first, for results that come early.
        deadline: on the clock of `time.monotonic`; those that run then are ended, to be resumed another time.

    Returns:
        Names of the cells that failed, with the last line they printed.
    """
    waiting = sorted((job for job in jobs if not job.ended), key=lambda job: job.cell.cost)
    if cheapest_first:
        waiting.reverse()
    devices = visible_gpus()
    running: dict[int, tuple[Job, subprocess.Popen[bytes]]] = {}
    failed = {}
    with SweepProgress(jobs) as progress:
        try:
            with noted_interrupts() as asked_to_stop:
                while waiting or running:
                    if asked_to_stop():
                        progress.stopped()
                        raise KeyboardInterrupt
                    if deadline is not None and time.monotonic() >= deadline:
                        progress.stopped()
                        break
                    for worker in [number for number in range(workers) if number not in running]:
                        if waiting:
                            job = waiting.pop()
                            device = devices[worker % len(devices)] if len(devices) > 1 else None
                            running[worker] = (job, start(job, threads, device))
                    time.sleep(_LOOK_EVERY)
                    for worker, (job, process) in list(running.items()):
                        if process.poll() is None:
                            continue
                        del running[worker]
                        if not job.ended:
                            failed[job.cell.name] = _last_line(job.log)
                        progress.ended(job, failed.get(job.cell.name))
                    progress.update()
        finally:  # interrupted: none is left behind
            _end([process for _, process in running.values()])
    return failed


def visible_gpus() -> list[str]:
    """The GPUs that processes of this one can be given, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    count = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] if named else [str(number) for number in range(count)]


def start(job: Job, threads: int, device: str | None = None) -> "subprocess.Popen[bytes]":
    """Start a job in a process of its own, or go on with it.

    Args:
        job: the job.
        threads: CPU threads.
        device: the GPU it is to see; None: all there are.
    """
    for folder in (job.log.parent, job.config.parent, job.run.path.parent):
        make_folder(folder)
    if job.run.config.is_file():
        words = ["train", "--resume", str(job.run.path)]
    else:
        # Killed before its configuration was written, a run has nothing to resume.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(job.run.path)
        config = replace(job.cell.config, out=str(job.run.path), threads=threads)
        write_config(job.config, job.recipe, config)
        words = ["train", job.recipe, "--config", str(job.config)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    if device is not None:
        environment["CUDA_VISIBLE_DEVICES"] = device
    command = [sys.executable, "-m", "geometric_hyena.cli", *words]
    with open(job.log, "ab") as log:
        # In a session of its own a run is ended together with the processes that it started.
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )


def _end(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """End processes and those that they started: asked first, then killed, or on a second ctrl-C."""
    try:
        for process in processes:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
    finally:
        for process in processes:
            if process.poll() is None:
                _signal(process, signal.SIGKILL)
                process.wait()


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    """Send a signal to a process and those of its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "ended without a word"


def _line_count(path: Path) -> int:
    try:
        return len(path.read_text().splitlines())
    except FileNotFoundError:
        return 0
