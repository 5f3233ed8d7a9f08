"""Run the cells of a sweep, several at a time, each in a process and a run directory of its own.

A cell whose run has ended (it has a summary.json) is never run again; one that was cut off is resumed.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geometric_hyena.files import make_folder
from geometric_hyena.reproduce.progress import SweepProgress
from geometric_hyena.reproduce.sweep import Cell
from geometric_hyena.training.run_directory import RunDirectory, write_config

_LOOK_EVERY = 0.5  # seconds


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


def run_jobs(jobs: Sequence[Job], workers: int, threads: int) -> dict[str, str]:
    """Run all jobs that have not ended, the long ones first.

    Args:
        jobs: one a cell.
        workers: how many run at a time.
        threads: CPU threads of each.

    Returns:
        Names of the cells that failed, with the last line they printed.
    """
    waiting = sorted((job for job in jobs if not job.ended), key=lambda job: job.cell.cost)
    running: list[tuple[Job, subprocess.Popen[bytes]]] = []
    failed = {}
    with SweepProgress(jobs) as progress:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    job = waiting.pop()
                    running.append((job, start(job, threads)))
                time.sleep(_LOOK_EVERY)
                for job, process in [pair for pair in running if pair[1].poll() is not None]:
                    running.remove((job, process))
                    if not job.ended:
                        failed[job.cell.name] = _last_line(job.log)
                    progress.ended(job, failed.get(job.cell.name))
                progress.update()
        finally:  # interrupted: none is left behind
            for _, process in running:
                process.terminate()
            for _, process in running:
                process.wait()
    return failed


def start(job: Job, threads: int) -> "subprocess.Popen[bytes]":
    """Start a job in a process of its own, or go on with it."""
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
    command = [sys.executable, "-m", "geometric_hyena.cli", *words]
    with open(job.log, "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "ended without a word"


def _line_count(path: Path) -> int:
    try:
        return len(path.read_text().splitlines())
    except FileNotFoundError:
        return 0
