"""Run a sweep, a table or a study, or draw tables and figures of one that was run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometric_hyena.errors import GHyenaError, InputError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.report.sweep_plot import sweep_figure, write_svg
from geometric_hyena.reproduce.measured import measurement_figure, measurement_record, study_page
from geometric_hyena.reproduce.plan import Choices, Plan, plan_sweep, run_plans
from geometric_hyena.reproduce.registry import find_entry
from geometric_hyena.reproduce.result import Record, metric_of, read_record, trivial_values, values_of
from geometric_hyena.reproduce.sources import MissingDataError
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Sweep
from geometric_hyena.reproduce.table import METRICS, markdown
from geometric_hyena.reproduce.tables.page import write_table
from geometric_hyena.reproduce.tables.paper_table import PaperTable
from geometric_hyena.reproduce.tables.record import diverged, table_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reproduce(name: str, folder: Path, budget_name: str, choices: Choices | None = None) -> str:
    """Run what has not been run of an entry, then write `NAME.json`, `NAME.md` and figures or `NAME.html`.

    Args:
        name: of the sweep, table or study.
        folder: where runs and result are kept.
        budget_name: quick or paper.
        choices: what the command line asks for.

    Returns:
        The Markdown page.

    Raises:
        MissingDataError: where none of its data are at hand.
        InputError: for a name or a value that is none.
        GHyenaError: where a run failed; the result holds the others.
    """
    entry, choices = find_entry(name), choices or Choices()
    if isinstance(entry, Study):
        record = run_study(entry, folder, budget_name, choices)
    elif isinstance(entry, Sweep):
        record = run_sweep(entry, folder, budget_name, choices)
    else:
        record = run_table(entry, folder, budget_name, choices)
    page = finish(name, record, folder)
    raise_failures(record, folder)
    return page


def finish(name: str, record: Record, folder: Path) -> str:
    """Write a result, its page and its figures; returns the page."""
    write_json(folder / f"{name}.json", record)
    return draw(record, folder)


def raise_failures(record: Record, folder: Path) -> None:
    """Raise GHyenaError where a run failed; one that diverged has an outcome."""
    parts = record.get("parts", [record])
    found = {name: why for part in parts for name, why in part.get("failed", {}).items()}
    failed = {name: why for name, why in found.items() if not diverged(why)}
    if failed:
        first = next(iter(failed))
        ended = sum(len(part.get("cells", ())) for part in parts)
        raise GHyenaError(
            f"{len(failed)} of {len(found) + ended} runs failed, first {first}: {failed[first]}; "
            f"see {folder / 'logs' / first}.log, then run the command again"
        )


def run_sweep(sweep: Sweep, folder: Path, budget_name: str, choices: Choices) -> dict[str, Any]:
    """Run what has not been run of a sweep; returns the result, those that failed included.

    Raises:
        InputError: for a value that is none.
    """
    plan = plan_sweep(sweep, folder, budget_name, choices)
    make_folder(folder)
    return plan.record(run_plans([plan], choices))


def run_table(table: PaperTable, folder: Path, budget_name: str, choices: Choices) -> dict[str, Any]:
    """Run what has not been run of the columns of a table whose data are at hand.

    Raises:
        MissingDataError: where those of no column are.
        InputError: for a value that is none.
    """
    plans, missing = plan_table(table, folder, budget_name, choices)
    make_folder(folder)
    return table_record(table, plans, missing, run_plans(plans, choices))


def plan_table(
    table: PaperTable, folder: Path, budget_name: str, choices: Choices
) -> tuple[list[Plan], dict[str, str]]:
    """Plans of the columns whose data are at hand, and what the others want, by name of the column.

    Raises:
        MissingDataError: where there is no such column.
        InputError: for a value that is none.
    """
    plans, errors = [], {}
    for column in table.chosen_columns(choices.settings):
        try:
            plans.append(plan_sweep(column, folder, budget_name, table.within(column, choices)))
        except MissingDataError as error:
            errors[column.name] = error
    missing = {name: error.general for name, error in errors.items()}
    if not plans:
        said = dict.fromkeys(map(str, errors.values()))
        raise MissingDataError(f"{table.name}: {'; '.join(said)}", "; ".join(dict.fromkeys(missing.values())))
    return plans, missing


def run_study(study: Study, folder: Path, budget_name: str, choices: Choices) -> dict[str, Any]:
    """Run the sweeps and the measurements of a study.

    Raises:
        InputError: for a value that is none, or options of sweeps where there is none.
    """
    given = choices.narrowing()
    if given and not any(isinstance(part, Sweep) for part in study.parts):
        raise InputError(f"--{given}: nothing is trained in {study.name}; leave it out")
    make_folder(folder)
    parts = [
        run_sweep(part, folder, budget_name, choices)
        if isinstance(part, Sweep)
        else measurement_record(part, budget_name)
        for part in study.parts
    ]
    return {"study": study.name, "title": study.title, "parts": parts}


def draw_again(name: str, path: Path, folder: Path | None = None) -> str:
    """Write tables and figures of a result that was written before, beside it or into `folder`.

    Raises:
        InputError: where the file is no result of that name.
    """
    record = read_record(path)
    found = record.get("study") or record.get("table") or record["sweep"]
    if found != name:
        raise InputError(f"{path}: is a result of {found}, not of {name}")
    target = path.parent if folder is None else folder
    make_folder(target)
    return draw(record, target)


def draw(record: Record, folder: Path) -> str:
    """Write the page and the figures of a result; returns the page."""
    if "table" in record:
        return write_table(record, folder)
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
        quantity=f"test {METRICS[metric_of(record)]}",
        title=f"{record['title']}{' (REDUCED)' if record['reduced'] else ''}",
    )
