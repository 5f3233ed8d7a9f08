"""`ghyena reproduce all`: every table, figure and sweep, the cheapest runs first, and an index."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geometric_hyena.errors import GHyenaError, InputError, MissingDependencyError
from geometric_hyena.files import make_folder
from geometric_hyena.reproduce.index import IndexRow, write_index
from geometric_hyena.reproduce.plan import Choices, Plan, plan_sweep, run_plans
from geometric_hyena.reproduce.registry import STUDIES, entries, place_of
from geometric_hyena.reproduce.run import finish, plan_table, raise_failures, run_study
from geometric_hyena.reproduce.sources import MissingDataError
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Sweep
from geometric_hyena.reproduce.tables.paper_table import PaperTable
from geometric_hyena.reproduce.tables.record import table_record


@dataclass(frozen=True, eq=False)
class _Task:
    """An entry with its folder, its plans, and what its missing parts want."""

    name: str
    entry: PaperTable | Sweep | Study
    folder: Path
    plans: Sequence[Plan] = ()
    missing: dict[str, str] = field(default_factory=dict)
    skipped: str | None = None


def reproduce_all(folder: Path, budget_name: str, choices: Choices) -> str:
    """Run what has not been run of every table, figure and sweep, not of studies of open questions.

    Args:
        folder: of the index; every entry has its own below, where `reproduce` by its name looks, too.
        budget_name: quick or paper.
        choices: what the command line asks for.

    Returns:
        The index as Markdown.

    Raises:
        InputError: for a value that is none, before anything is run.
        GHyenaError: where a run failed; the index says which.
    """
    if choices.models or choices.settings:
        raise InputError("--models and --values: choose from one entry; reproduce it by its name")
    tasks = [_task(name, entry, folder, budget_name, choices) for name, entry in _chosen().items()]
    make_folder(folder)
    plans = [plan for task in tasks for plan in task.plans]
    failed = run_plans(plans, choices, cheapest_first=True) if plans else {}
    rows = [_outcome(task, failed, folder, budget_name, choices) for task in tasks]
    page = write_index(rows, folder, reduced=budget_name == "quick")
    wrong = [f"{row.name}: {row.status}" for row in rows if row.failed]
    if wrong:
        raise GHyenaError(f"{'; '.join(wrong)}. The other pages are in {folder}")
    return page


def _chosen() -> dict[str, PaperTable | Sweep | Study]:
    return {name: x for name, x in entries().items() if name not in STUDIES or name.startswith("figure")}


def _task(
    name: str, entry: PaperTable | Sweep | Study, folder: Path, budget_name: str, choices: Choices
) -> _Task:
    own = folder / place_of(name)
    try:
        if isinstance(entry, PaperTable):
            return _Task(name, entry, own, *plan_table(entry, own, budget_name, choices))
        if isinstance(entry, Sweep):
            return _Task(name, entry, own, [plan_sweep(entry, own, budget_name, choices)])
    except MissingDataError as error:
        return _Task(name, entry, own, skipped=error.general)
    except MissingDependencyError as error:
        return _Task(name, entry, own, skipped=str(error))
    return _Task(name, entry, own)


def _outcome(
    task: _Task, failed: dict[str, str], folder: Path, budget_name: str, choices: Choices
) -> IndexRow:
    """Write the result and the page of an entry."""
    title = task.entry.title
    if task.skipped is not None:
        return IndexRow(task.name, title, f"skipped: {task.skipped}")
    make_folder(task.folder)
    try:
        record = _record(task, failed, budget_name, choices)
    except MissingDependencyError as error:  # of a measurement
        return IndexRow(task.name, title, f"skipped: {error}")
    finish(task.name, record, task.folder)
    suffix = "html" if isinstance(task.entry, PaperTable) else "md"
    link = f"{task.folder.relative_to(folder).as_posix()}/{task.name}.{suffix}"
    try:
        raise_failures(record, task.folder)
    except GHyenaError as error:
        return IndexRow(task.name, title, str(error), link, failed=True)
    parts = [f"{column} skipped: {why}" for column, why in task.missing.items()]
    return IndexRow(task.name, title, "; ".join(parts) or "done", link)


def _record(task: _Task, failed: dict[str, str], budget_name: str, choices: Choices) -> dict[str, Any]:
    if isinstance(task.entry, PaperTable):
        return table_record(task.entry, task.plans, task.missing, failed)
    if isinstance(task.entry, Sweep):
        return task.plans[0].record(failed)
    measured = Choices(jobs=0, places=choices.places)  # a figure of measurements trains nothing
    return run_study(task.entry, task.folder, budget_name, measured)
