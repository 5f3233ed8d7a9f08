"""The result of a sweep as a page of Markdown."""

import statistics
from collections.abc import Iterable, Sequence

from geometric_hyena.report.numbers import format_number
from geometric_hyena.reproduce.result import Record, metric_of, seeds_note, trivial_values, values_of

Row = tuple[str, Sequence[str]]
METRICS = {"mse": "mean squared error", "rmse": "RMSE"}


def markdown(record: Record) -> str:
    """What was run, the table, the same in another order where that was judged, and what is missing."""
    return "\n".join([f"# {record['title']}", "", run_note(record), "", section(record)])


def run_note(record: Record) -> str:
    """The command, and whether it ran less than all."""
    waiting = record.get("unfinished")  # results of earlier versions do not count
    unfinished = f"NOT FINISHED, runs to go: {waiting}. " if waiting else ""
    return f"{unfinished}{'REDUCED. ' if record['reduced'] else ''}`{record['command']}`"


def section(record: Record) -> str:
    """The page of a sweep without its heading."""
    lines = [_note(record), ""]
    lines += [*_table(record, _rows(record)), "", f"![{record['title']}]({record['sweep']}.svg)", ""]
    shuffled = [
        (model, [_model_cell(record, model, s, "test_shuffled") for s in record["settings"]])
        for model in record["models"]
    ]
    if any(any(cells) for _, cells in shuffled):
        lines += ["The same models, the particles of every test trajectory in a random order:", ""]
        lines += [*_table(record, shuffled), ""]
    if record["models_not_available"]:
        lines += [f"Not available, left out: {', '.join(record['models_not_available'])}.", ""]
    for name, reason in record.get("left_out", {}).items():
        lines += [f"{name}: left out, {reason}.", ""]
    if record["failed"]:
        lines += ["Failed:", "", *(f"- {name}: {reason}" for name, reason in record["failed"].items()), ""]
    return "\n".join(lines)


def _note(record: Record) -> str:
    seeds, reference = len(record["seeds"]), record["reference"].replace("_", " ")
    spread = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    epochs = " to ".join(str(x) for x in sorted({cell["epochs"] for cell in record["cells"]}))
    return (
        f"Test {METRICS[metric_of(record)]}, {spread}; in brackets the ratio to {reference}. Epochs: "
        f"{epochs}. {_size(record)}"
    )


def _size(record: Record) -> str:
    """How models of several kinds were made equal, or how large the one there is was at its settings."""
    if len(record["models"]) > 1:
        return "Models have as many parameters as Geometric Hyena, within a few per cent."
    counts = {cell["parameters"] for cell in record["cells"]}
    if not counts:
        return ""
    return f"Parameters: {' to '.join(f'{count:,}' for count in sorted({min(counts), max(counts)}))}."


def _rows(record: Record) -> Iterable[Row]:
    settings = record["settings"]
    for model in record["models"]:
        yield model, [_model_cell(record, model, s) for s in settings]
    for name in record["trivial"]:
        yield (
            f"*{name.replace('_', ' ')}*",
            [_cell(record, trivial_values(record, name, s), s) for s in settings],
        )
    said = {(number["model"], number["source"]): {} for number in record["published"]}
    for number in record["published"]:
        text = format_number(number["value"])
        if number["reference"]:
            text += f" ({format_number(number['value'] / number['reference'], 2)})"
        said[number["model"], number["source"]][number["setting"]] = text
    for (model, source), values in said.items():
        yield f"{model} (published: {source})", [values.get(s, "") for s in settings]


def _model_cell(record: Record, model: str, setting: object, split: str = "test") -> str:
    values = values_of(record, model, setting, split)
    return _cell(record, values, setting) + seeds_note(record, values)


def _cell(record: Record, values: Sequence[float], setting: object) -> str:
    if not values:
        return ""
    mean = statistics.fmean(values)
    text = format_number(mean)
    if len(values) > 1:
        text += f" ± {format_number(statistics.stdev(values), 2)}"
    reference = trivial_values(record, record["reference"], setting)
    return f"{text} ({format_number(mean / reference[0], 2)})" if reference and reference[0] > 0 else text


def _table(record: Record, rows: Iterable[Row]) -> list[str]:
    head = [record["axis"], *map(str, record["settings"])]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + [
        "| " + " | ".join([label, *(cell or "–" for cell in cells)]) + " |" for label, cells in rows
    ]
