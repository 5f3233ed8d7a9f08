"""From a sweep and what the command line asks for to jobs: nothing is run here."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError
from geometric_hyena.processors import available_processors
from geometric_hyena.reproduce.result import make_record
from geometric_hyena.reproduce.runner import Job, make_job, run_jobs
from geometric_hyena.reproduce.sources import Places
from geometric_hyena.reproduce.sweep import Budget, Sweep, make_cells, merged, registered


@dataclass(frozen=True)
class Choices:
    """What the command line asks for.

    Attributes:
        jobs: runs at a time; 0: one a core, or one a GPU where there is one.
        models: rows to train; none: all that the budget has.
        settings: those of the axis, as words; none: the budget's.
        seeds: number of seeds; None: the budget's.
        epochs: epochs of every run; None: the budget's.
        seconds: after so many no run goes on; None: all that have begun are run to their end.
        places: where data are.
    """

    jobs: int = 0
    models: Sequence[str] = ()
    settings: Sequence[str] = ()
    seeds: int | None = None
    epochs: int | None = None
    seconds: int | None = None
    places: Places = field(default_factory=Places)

    def narrowing(self) -> str | None:
        """The first option that says what is trained, as the command line names it."""
        options = {
            "models": self.models,
            "values": self.settings,
            "seeds": self.seeds,
            "epochs": self.epochs,
            "jobs": self.jobs,
            "seconds": self.seconds,
        }
        return next((name for name, value in options.items() if value), None)


@dataclass(frozen=True, eq=False)
class Plan:
    """What is run of a sweep.

    Attributes:
        sweep: the sweep.
        budget: narrowed as asked for.
        jobs: one a cell.
        skipped: rows whose model is not there.
        left_out: rows that the budget leaves out, or whose package is not installed, with the reasons.
        reduced: whether it is less than the paper's.
    """

    sweep: Sweep
    budget: Budget
    jobs: Sequence[Job]
    skipped: Sequence[str]
    left_out: Mapping[str, str]
    reduced: bool

    def record(self, failed: Mapping[str, str]) -> dict[str, Any]:
        """The result, of the runs that have ended."""
        own = {job.cell.name: failed[job.cell.name] for job in self.jobs if job.cell.name in failed}
        return make_record(
            self.sweep,
            self.budget,
            self.jobs,
            reduced=self.reduced,
            skipped=self.skipped,
            left_out=self.left_out,
            failed=own,
        )


def plan_sweep(sweep: Sweep, folder: Path, budget_name: str, choices: Choices) -> Plan:
    """The jobs of a sweep, every option of them checked.

    Raises:
        MissingDataError: where data are not at hand.
        MissingDependencyError: where a row that was asked for wants a package that is not installed.
        InputError: for a value that is none.
    """
    full = sweep.budget(budget_name)
    chosen = _chosen_rows(sweep, full, choices.models)
    budget = _narrowed(full, choices)
    reduced = budget_name == "quick" or budget != full or bool(choices.models)
    if budget.source is not None:
        budget = replace(budget, values=merged(budget.values, budget.source.locate(choices.places)))
    available, missing = registered(sweep, chosen)
    if not available:
        raise InputError(f"--models: none of them is available here: {', '.join(missing)}")
    lacking: dict[str, str] = {}
    cells = make_cells(sweep, budget, available, lacking=None if choices.models else lacking)
    jobs = [make_job(cell, sweep.recipe, folder) for cell in cells]
    left_out = {row: why for row, why in full.without.items() if row in sweep.models and row not in chosen}
    return Plan(sweep, budget, jobs, missing, left_out | lacking, reduced or bool(lacking))


def run_plans(plans: Sequence[Plan], choices: Choices, *, cheapest_first: bool = False) -> dict[str, str]:
    """Run what has not been run, as far as the time goes; a run that several plans share is run once.

    Returns:
        Names of the cells that failed, with the last line they printed.
    """
    jobs = list({job.run.path: job for plan in plans for job in plan.jobs}.values())
    deadline = None if choices.seconds is None else time.monotonic() + choices.seconds
    _prepare(plans)
    workers = min(choices.jobs or default_jobs(), len(jobs))
    threads = max(1, available_processors() // workers)
    # In little time the short runs come to an end.
    first = cheapest_first or deadline is not None
    return run_jobs(jobs, workers, threads, cheapest_first=first, deadline=deadline)


def default_jobs() -> int:
    """One a GPU where there is one, else one a core."""
    import torch

    return torch.cuda.device_count() or available_processors()


def _prepare(plans: Sequence[Plan]) -> None:
    """Fill the caches that runs at the same time would fill at the same time."""
    done = set()
    for plan in plans:
        for job in plan.jobs:
            key = (plan.sweep.prepare, repr(job.cell.config.data))
            if plan.sweep.prepare is not None and not job.ended and key not in done:
                done.add(key)
                plan.sweep.prepare(job.cell.config.data)


def _chosen_rows(sweep: Sweep, budget: Budget, models: Sequence[str]) -> Sequence[str]:
    for model in models:
        if model not in sweep.models:
            raise InputError(
                f"--models: {sweep.name} has no '{model}'; choose from: {','.join(sweep.models)}"
            )
    return models or [row for row in sweep.models if row not in budget.without]


def _narrowed(budget: Budget, choices: Choices) -> Budget:
    if choices.settings:
        budget = replace(budget, settings=tuple(_setting(word, budget) for word in choices.settings))
    if choices.seeds is not None:
        budget = replace(budget, seeds=choices.seeds)
    return budget if choices.epochs is None else replace(budget, epochs=choices.epochs)


def _setting(word: str, budget: Budget) -> int | float | str:
    """A setting of the type that the budget's have."""
    kind = type(budget.settings[0])
    try:
        return kind(word)
    except ValueError:
        example = ",".join(map(str, budget.settings))
        raise InputError(f"--values: expected values such as {example}, got '{word}'") from None
