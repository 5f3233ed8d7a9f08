"""Run a sweep, or draw table and figure of one that was run."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from geometric_hyena.errors import GHyenaError, InputError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.report.sweep_plot import sweep_figure, write_svg
from geometric_hyena.reproduce.registry import find_sweep
from geometric_hyena.reproduce.result import Record, make_record, read_record, trivial_values, values_of
from geometric_hyena.reproduce.runner import make_job, run_jobs
from geometric_hyena.reproduce.sweep import Budget, Sweep, make_cells, registered
from geometric_hyena.reproduce.table import markdown


def reproduce(
    name: str,
    folder: Path,
    budget_name: str,
    *,
    jobs: int = 0,
    models: Sequence[str] = (),
    settings: Sequence[str] = (),
    seeds: int | None = None,
    epochs: int | None = None,
) -> str:
    """Run what has not been run of a sweep, then write `NAME.json`, `NAME.md` and `NAME.svg`.

    Args:
        name: of the sweep.
        folder: where runs and result are kept.
        budget_name: quick or paper.
        jobs: runs at a time; 0: one a core, or one where there is a GPU.
        models: those to train; none: all there are.
        settings: those of the axis, as words; none: the budget's.
        seeds: number of seeds.
        epochs: epochs of every run.

    Returns:
        The Markdown page.

    Raises:
        InputError: for a name or a value that is none.
        GHyenaError: where a run failed; the result holds the others.
    """
    sweep = find_sweep(name)
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
    record = make_record(sweep, budget, todo, reduced=reduced, skipped=missing, failed=failed)
    write_json(folder / f"{name}.json", record)
    page = draw(record, folder)
    if failed:
        first = next(iter(failed))
        raise GHyenaError(
            f"{len(failed)} of {len(todo)} runs failed, first {first}: {failed[first]}; "
            f"see {folder / 'logs' / first}.log, then run the command again"
        )
    return page


def draw_again(name: str, path: Path, folder: Path | None = None) -> str:
    """Write table and figure of a result that was written before, beside it or into `folder`.

    Raises:
        InputError: where the file is no result of that sweep.
    """
    record = read_record(path)
    if record["sweep"] != name:
        raise InputError(f"{path}: is a result of {record['sweep']}, not of {name}")
    target = path.parent if folder is None else folder
    make_folder(target)
    return draw(record, target)


def draw(record: Record, folder: Path) -> str:
    """Write `NAME.md` and `NAME.svg` of a result; returns the page."""
    settings = record["settings"]
    figure = sweep_figure(
        {model: {s: values_of(record, model, s) for s in settings} for model in record["models"]},
        {name: {s: trivial_values(record, name, s) for s in settings} for name in record["trivial"]},
        settings,
        record["axis"],
        published=[(x["model"], x["setting"], x["value"]) for x in record["published"]],
        log_axis=record["log_axis"],
        title=f"{record['title']}{' (REDUCED)' if record['reduced'] else ''}",
    )
    write_svg(figure, folder / f"{record['sweep']}.svg")
    page = markdown(record)
    replace_text(folder / f"{record['sweep']}.md", page)
    return page


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
