"""Run a sweep or a study, or draw tables and figures of one that was run."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometric_hyena.errors import GHyenaError, InputError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.report.sweep_plot import sweep_figure, write_svg
from geometric_hyena.reproduce.measured import measurement_figure, measurement_record, study_page
from geometric_hyena.reproduce.registry import find_entry
from geometric_hyena.reproduce.result import Record, make_record, read_record, trivial_values, values_of
from geometric_hyena.reproduce.runner import make_job, run_jobs
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Budget, Sweep, make_cells, registered
from geometric_hyena.reproduce.table import markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reproduce(name: str, folder: Path, budget_name: str, **options: Any) -> str:
    """Run what has not been run of a sweep or a study, then write `NAME.json`, `NAME.md` and figures.

    Args:
        name: of the sweep or study.
        folder: where runs and result are kept.
        budget_name: quick or paper.
        options: those of `run_sweep`.

    Returns:
        The Markdown page.

    Raises:
        InputError: for a name or a value that is none.
        GHyenaError: where a run failed; the result holds the others.
    """
    entry = find_entry(name)
    if isinstance(entry, Sweep):
        record = run_sweep(entry, folder, budget_name, **options)
        failed = record["failed"]
    else:
        record = run_study(entry, folder, budget_name, options)
        failed = {name: why for part in record["parts"] for name, why in part.get("failed", {}).items()}
    write_json(folder / f"{name}.json", record)
    page = draw(record, folder)
    if failed:
        first = next(iter(failed))
        raise GHyenaError(
            f"{len(failed)} of {len(failed) + _ended(record)} runs failed, first {first}: {failed[first]}; "
            f"see {folder / 'logs' / first}.log, then run the command again"
        )
    return page


def run_sweep(
    sweep: Sweep,
    folder: Path,
    budget_name: str,
    *,
    jobs: int = 0,
    models: Sequence[str] = (),
    settings: Sequence[str] = (),
    seeds: int | None = None,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Run what has not been run of a sweep.

    Args:
        sweep: the sweep.
        folder: where runs are kept.
        budget_name: quick or paper.
        jobs: runs at a time; 0: one a core, or one where there is a GPU.
        models: those to train; none: all there are.
        settings: those of the axis, as words; none: the budget's.
        seeds: number of seeds.
        epochs: epochs of every run.

    Returns:
        The result, those that failed included.

    Raises:
        InputError: for a value that is none.
    """
    full = sweep.budget(budget_name)
    budget = _narrowed(full, settings, seeds, epochs)
    available, missing = registered(_chosen_models(sweep, models))
    if not available:
        raise InputError(f"--models: none of them is available here: {', '.join(missing)}")
    todo = [make_job(cell, sweep.recipe, folder) for cell in make_cells(sweep, budget, available)]
    make_folder(folder)
    workers = min(jobs or _default_jobs(), len(todo))
    failed = run_jobs(todo, workers, max(1, (os.cpu_count() or 1) // workers))
    reduced = budget_name == "quick" or budget != full or bool(models)
    return make_record(sweep, budget, todo, reduced=reduced, skipped=missing, failed=failed)


def run_study(study: Study, folder: Path, budget_name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Run the sweeps and the measurements of a study.

    Raises:
        InputError: for a value that is none, or options of sweeps where there is none.
    """
    given = [name for name, value in options.items() if value]
    if given and not any(isinstance(part, Sweep) for part in study.parts):
        option = {"settings": "values"}.get(given[0], given[0])
        raise InputError(f"--{option}: nothing is trained in {study.name}; leave it out")
    make_folder(folder)
    parts = [
        run_sweep(part, folder, budget_name, **options)
        if isinstance(part, Sweep)
        else measurement_record(part, budget_name)
        for part in study.parts
    ]
    return {"study": study.name, "title": study.title, "parts": parts}


def draw_again(name: str, path: Path, folder: Path | None = None) -> str:
    """Write tables and figures of a result that was written before, beside it or into `folder`.

    Raises:
        InputError: where the file is no result of that sweep or study.
    """
    record = read_record(path)
    found = record.get("study") or record["sweep"]
    if found != name:
        raise InputError(f"{path}: is a result of {found}, not of {name}")
    target = path.parent if folder is None else folder
    make_folder(target)
    return draw(record, target)


def draw(record: Record, folder: Path) -> str:
    """Write the page and the figures of a result; returns the page."""
    parts = record.get("parts", [record])
    for part in parts:
        is_sweep = "sweep" in part
        figure = _sweep_figure(part) if is_sweep else measurement_figure(part)
        write_svg(figure, folder / f"{part['sweep' if is_sweep else 'measurement']}.svg")
    name, page = (
        (record["study"], study_page(record)) if "study" in record else (record["sweep"], markdown(record))
    )
    replace_text(folder / f"{name}.md", page)
    return page


def _sweep_figure(record: Record) -> "Figure":
    settings = record["settings"]
    return sweep_figure(
        {model: {s: values_of(record, model, s) for s in settings} for model in record["models"]},
        {name: {s: trivial_values(record, name, s) for s in settings} for name in record["trivial"]},
        settings,
        record["axis"],
        published=[(x["model"], x["setting"], x["value"]) for x in record["published"]],
        log_axis=record["log_axis"],
        title=f"{record['title']}{' (REDUCED)' if record['reduced'] else ''}",
    )


def _ended(record: Record) -> int:
    return sum(len(part.get("cells", ())) for part in record.get("parts", [record]))


def _narrowed(budget: Budget, settings: Sequence[str], seeds: int | None, epochs: int | None) -> Budget:
    if settings:
        budget = replace(budget, settings=tuple(_setting(word, budget) for word in settings))
    if seeds is not None:
        budget = replace(budget, seeds=seeds)
    return budget if epochs is None else replace(budget, epochs=epochs)


def _setting(word: str, budget: Budget) -> int | float | str:
    """A setting of the type that the budget's have."""
    kind = type(budget.settings[0])
    try:
        return kind(word)
    except ValueError:
        example = ",".join(map(str, budget.settings))
        raise InputError(f"--values: expected values such as {example}, got '{word}'") from None


def _chosen_models(sweep: Sweep, models: Sequence[str]) -> Sequence[str]:
    for model in models:
        if model not in sweep.models:
            raise InputError(
                f"--models: {sweep.name} has no '{model}'; choose from: {','.join(sweep.models)}"
            )
    return models or sweep.models


def _default_jobs() -> int:
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1
