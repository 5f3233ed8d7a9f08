"""Results of measurements, and the page of a study."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from geometric_hyena.benchmarks.run import markdown as rows_markdown
from geometric_hyena.provenance import command_line, environment
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.sweep_plot import sweep_figure
from geometric_hyena.reproduce.result import Record
from geometric_hyena.reproduce.study import Measurement, Row
from geometric_hyena.reproduce.table import run_note, section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def measurement_record(measurement: Measurement, budget: str) -> dict[str, Any]:
    """Measure; everything that tables and figure say, and where it came from.

    Raises:
        InputError: for a budget that is none.
    """
    sizes = measurement.sizes(budget)
    found = measurement.measure(**sizes)
    return {
        "measurement": measurement.name,
        "title": measurement.title,
        "axis": measurement.axis,
        "log_axis": measurement.log_axis,
        "quantity": measurement.quantity,
        "reduced": budget == "quick",
        "command": command_line(),
        "environment": environment(),
        "sizes": dict(sizes),
        "tables": {caption: list(rows) for caption, rows in found.tables.items()},
        # JSON has no keys but text.
        "curves": {name: list(curve.items()) for name, curve in found.curves.items()},
        "references": {name: list(curve.items()) for name, curve in found.references.items()},
    }


def measurement_figure(record: Record) -> "Figure":
    """The curves of a measurement."""
    curves = {name: {x: [y] for x, y in curve} for name, curve in record["curves"].items()}
    return sweep_figure(
        curves,
        {name: {x: [y] for x, y in curve} for name, curve in record["references"].items()},
        sorted({x for curve in curves.values() for x in curve}),
        record["axis"],
        quantity=record["quantity"],
        log_axis=record["log_axis"],
        title=f"{record['title']}{' (REDUCED)' if record['reduced'] else ''}",
    )


def study_page(record: Record) -> str:
    """All parts of a study as Markdown."""
    parts = record["parts"]
    lines = [f"# {record['title']}", "", run_note(parts[0]), ""]
    for part in parts:
        lines += [f"## {part['title']}", "", section(part) if "sweep" in part else _tables(part)]
    return "\n".join(lines)


def _tables(record: Record) -> str:
    lines = []
    for caption, rows in record["tables"].items():
        lines += [f"{caption}.", "", _table(rows), ""]
    return "\n".join([*lines, f"![{record['title']}]({record['measurement']}.svg)", ""])


def _table(rows: Sequence[Row]) -> str:
    return rows_markdown([_as_text(row) for row in rows])


def _as_text(row: Mapping[str, Any]) -> Row:
    return {key: format_number(value) if isinstance(value, float) else value for key, value in row.items()}
