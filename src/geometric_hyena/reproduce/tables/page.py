"""The page of a table, as Markdown and as HTML, from its result alone."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geometric_hyena.files import replace_text
from geometric_hyena.report.blocks import Block, KeyValues, Paragraph, Table
from geometric_hyena.report.markdown import page_markdown
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.page import Page, Section
from geometric_hyena.reproduce.result import Record, metric_of, opponent_values, seeds_note, values_of
from geometric_hyena.reproduce.table import METRICS, run_note
from geometric_hyena.reproduce.tables.data_identity import data_row

NOTHING = "–"


def write_table(record: Record, folder: Path) -> str:
    """Write NAME.md and NAME.html; returns the Markdown."""
    page = table_page(record)
    text = page_markdown(page)
    page.write(folder / f"{record['table']}.html")
    replace_text(folder / f"{record['table']}.md", text)
    return text


def table_page(record: Record) -> Page:
    """The page of a result."""
    stamp = " (REDUCED)" if record["reduced"] else ""
    page = Page(f"{record['title']}{stamp}", run_note(record))
    page.add(Section("Errors on the test split", _errors(record)))
    if record["claims"]:
        page.add(Section("Claims of the paper and its table", _claims(record)))
    page.add(Section("Size and time", [_sizes(record)]))
    page.add(Section("Data", [_data(record)]))
    absent = _absent(record)
    if absent:
        page.add(Section("Not here", absent))
    page.add(Section("What differs from the paper", [Paragraph(text) for text in record["differences"]]))
    page.add(Section("Where it ran", [KeyValues(record["environment"])]))
    return page


def _errors(record: Record) -> list[Block]:
    """Paper and ours side by side, opponents below; the best of ours in every column is bold."""
    parts = _parts(record)
    heads, rows, means = ["model"], [], []
    for column in record["columns"]:
        heads += [f"{column['title']}: paper", "ours"]
    for row in record["rows"]:
        cells, ours = [row["label"] + (" (extension)" if row["extension"] else "")], []
        for column in record["columns"]:
            part = parts.get(column["name"])
            values = [] if part is None else values_of(part, row["name"], part["settings"][0])
            ours.append(statistics.fmean(values) if values else None)
            cells += [column["published"].get(row["label"], NOTHING), _ours(part, row["name"], values)]
        rows.append(cells)
        means.append(ours)
    best = set()
    for j in range(len(record["columns"])):
        found = [(ours[j], i) for i, ours in enumerate(means) if ours[j] is not None]
        if found:
            best.add((min(found)[1], 2 * j + 2))
    for name in dict.fromkeys(name for part in record["parts"] for name in part["trivial"]):
        cells = [name.replace("_", " ")]
        for column in record["columns"]:
            part = parts.get(column["name"])
            values = [] if part is None else opponent_values(part, name, part["settings"][0])
            if len(set(values)) == 1:  # not trained: the same for all seeds
                values = values[:1]
            cells += [NOTHING, _mean(values)]
        rows.append(cells)
    ours = next((i for i, row in enumerate(record["rows"]) if row["name"] == "geometric-hyena"), None)
    return [Paragraph(_note(record)), Table(heads, rows, highlight=ours, best=frozenset(best))]


def _note(record: Record) -> str:
    metrics = dict.fromkeys(METRICS[metric_of(part)] for part in record["parts"])
    unit = f" in {record['unit']}" if record["unit"] else ""
    return (
        f"Test {' and '.join(metrics)}{unit}; ours is the mean ± standard deviation over seeds, the best "
        f"bold. The paper's values: {record['source']}. Rows in lower case at the end are opponents without "
        f"a geometric network, fitted to the same training data."
    )


def _ours(part: Record | None, row: str, values: Sequence[float]) -> str:
    if part is None:
        return NOTHING
    if values:
        return _mean(values) + seeds_note(part, values)
    if row in part.get("diverged", ()):
        return "diverged"
    return "left out" if row in part["left_out"] else NOTHING


def _mean(values: Sequence[float]) -> str:
    if not values:
        return NOTHING
    text = format_number(statistics.fmean(values))
    return text if len(values) == 1 else f"{text} ± {format_number(statistics.stdev(values), 2)}"


def _claims(record: Record) -> list[Block]:
    heads = [
        "claimed gain",
        "column",
        "G-Hyena",
        "best other row",
        "gain over it",
        "difference over G-Hyena's own value",
        "rows that give the claimed gain (divisor)",
    ]
    rows = [
        [
            f"{claim['claimed']} %",
            claim["column"],
            format_number(claim["ours"]),
            f"{claim['second_best']}, {format_number(claim['second_best_value'])}",
            f"{claim['gain']:.1f} %",
            f"{claim['gain_over_own']:.1f} %",
            "; ".join(claim["borne_out_by"]) or "none",
        ]
        for claim in record["claims"]
    ]
    note = (
        "From the printed values alone. Gain: (other − G-Hyena) / other. The last column lists every row for "
        "which the difference, over that row's value or over G-Hyena's, rounds to the claimed number."
    )
    return [Paragraph(note), Table(heads, rows)]


def _sizes(record: Record) -> Table:
    """Parameters and mean seconds of a run, training and judging."""
    parts = _parts(record)
    shown = [column for column in record["columns"] if column["name"] in parts]
    heads = ["model"] + [
        f"{column['title']}: {what}" for column in shown for what in ("parameters", "seconds a run")
    ]
    rows = []
    for row in record["rows"]:
        cells = [row["label"]]
        for column in shown:
            found = [cell for cell in parts[column["name"]]["cells"] if cell["model"] == row["name"]]
            seconds = statistics.fmean(cell["seconds"] for cell in found) if found else None
            cells += [
                f"{found[0]['parameters']:,}" if found else NOTHING,
                NOTHING if seconds is None else format_number(seconds),
            ]
        rows.append(cells)
    return Table(heads, rows, _hardware(record))


def _hardware(record: Record) -> str:
    cells = [cell for part in record["parts"] for cell in part["cells"]]
    devices = sorted({cell["gpu"] or cell["cpu"] for cell in cells})
    threads = sorted({cell["threads"] for cell in cells})
    return f"On {', '.join(devices)}; CPU threads of a run: {', '.join(map(str, threads))}." if cells else ""


def _data(record: Record) -> Table:
    rows = []
    for column in record["columns"]:
        part = _parts(record).get(column["name"])
        cells = part["cells"] if part else []
        if part and cells:
            epochs = ", ".join(str(x) for x in sorted({cell["epochs"] for cell in cells}))
            rows.append([column["title"], *data_row(cells[0]["data"]), str(len(part["seeds"])), epochs])
    heads = ["column", "source", "sha256", "train / validation / test", "structures", "seeds", "epochs"]
    return Table(heads, rows)


def _absent(record: Record) -> list[Block]:
    """Columns without data, rows left out and runs that failed, with the reasons."""
    blocks: list[Block] = []
    labels = {row["name"]: row["label"] for row in record["rows"]}
    titles = {column["name"]: column["title"] for column in record["columns"]}
    if record["missing"]:
        blocks += [Paragraph(f"{title}: {why}.") for title, why in record["missing"].items()]
    for part in record["parts"]:
        title = titles[part["sweep"]]
        blocks += [
            Paragraph(f"{title}, {labels[row]}: left out, {why}.") for row, why in part["left_out"].items()
        ]
        blocks += [
            Paragraph(f"{title}, {labels[row]}: no such model here.") for row in part["models_not_available"]
        ]
        blocks += [Paragraph(f"{title}, run {name}: {why}") for name, why in part["failed"].items()]
    return blocks


def _parts(record: Record) -> Mapping[str, Any]:
    return {part["sweep"]: part for part in record["parts"]}
