"""How far a sweep is, with the time left."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from geometric_hyena.reproduce.runner import Job


class SweepProgress:
    """A bar on a terminal, weighted by what runs cost; elsewhere a line a run, with the time left."""

    def __init__(self, jobs: "Sequence[Job]"):
        self.jobs = jobs
        self.console = Console(stderr=True)
        self.started = time.monotonic()
        self.total = sum(job.cell.cost for job in jobs)
        self.before = self._done()
        columns = (
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.fields[runs]}/{task.fields[of]} runs"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
        )
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("", total=self.total, runs=0, of=len(jobs))

    def __enter__(self) -> "SweepProgress":
        self.bar.start()
        self.update()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def update(self) -> None:
        """Look at the runs and redraw."""
        ended = sum(job.ended for job in self.jobs)
        self.bar.update(self.task, completed=self._done(), runs=ended)

    def ended(self, job: "Job", failure: str | None) -> None:
        """Say that a run has ended, or why it failed."""
        ended = sum(job.ended for job in self.jobs)
        name = f"{job.cell.model}, {job.cell.setting}, seed {job.cell.seed}"
        outcome = f"FAILED: {failure} ({job.log})" if failure else "done"
        if failure or not self.console.is_terminal:
            line = f"{ended}/{len(self.jobs)}  {name}: {outcome}{self._left()}"
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def stopped(self) -> None:
        """Say that the runs are ended early, and how to go on."""
        ended = sum(job.ended for job in self.jobs)
        self.console.print(
            f"stopped with {ended} of {len(self.jobs)} runs ended; the same command goes on", highlight=False
        )

    def _done(self) -> float:
        return sum(job.done * job.cell.cost for job in self.jobs)

    def _left(self) -> str:
        """Nothing on a terminal, where the bar says it, and where nothing has been done yet."""
        done = self._done()
        if self.console.is_terminal or done <= self.before:
            return ""
        spent = time.monotonic() - self.started
        return f"  about {spent * (self.total - done) / (done - self.before):.0f} s left"
