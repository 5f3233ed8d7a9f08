"""The page of Figure 1 on a GPU: the longest contexts, the paper's numbers beside ours, all sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geometric_hyena.benchmarks import published
from geometric_hyena.benchmarks.one_block import FUSED, MATERIALISED, MODES, OURS
from geometric_hyena.benchmarks.run import markdown
from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.files import make_folder, replace_text
from geometric_hyena.gpu_evidence.ladder import MEASURED
from geometric_hyena.memory import GIB
from geometric_hyena.provenance import environment

_CAP = published.BUDGET // GIB

Row = dict[str, Any]


def of(rows: Sequence[Row], key: tuple[int | None, str, str]) -> list[Row]:
    """The rows of a cap in GiB (or None), a model and a mode."""
    return [row for row in rows if (row["cap GiB"], row["model"], row["mode"]) == key]


def write_page(rows: Sequence[Row], name: str, title: str, folder: Path) -> str:
    """Write the page, and the figure where matplotlib is installed; returns the page."""
    make_folder(folder)
    free = [row for row in rows if row["outcome"] == MEASURED and row["cap GiB"] is None]
    here = environment()
    where = f"float32, {here['gpu'] or 'CPU'}, PyTorch {here['torch']}"
    parts = [f"# {title}", f"{where}; without a cap on the GPU's memory, and with one of {_CAP} GiB."]
    try:
        from geometric_hyena.benchmarks.figures import scaling_figure
        from geometric_hyena.report.plot_style import save_svg

        save_svg(scaling_figure(free), folder / f"{name}.svg")
        parts.append(f"![{title}]({name}.svg)")
    except MissingDependencyError:
        parts.append("No figure: matplotlib is not installed.")
    tables = {"Longest context": _longest(rows), "Beside the paper": _beside(rows), "All sizes": _all(rows)}
    for caption, table in tables.items():
        parts += [f"## {caption}", markdown(table) or "Nothing is measured yet."]
    text = "\n\n".join(parts) + "\n"
    replace_text(folder / f"{name}.md", text)
    return text


def _longest(rows: Sequence[Row]) -> list[Row]:
    """Per cap, mode and model the longest that fits, and the shortest that does not and why."""
    table = []
    for key in dict.fromkeys((row["cap GiB"], row["model"], row["mode"]) for row in rows):
        part = of(rows, key)
        fits = max((row for row in part if row["outcome"] == MEASURED), key=lambda r: r["N"], default=None)
        over = min((row for row in part if row["outcome"] != MEASURED), key=lambda r: r["N"], default=None)
        table.append(
            {
                "cap": "none" if key[0] is None else f"{key[0]} GiB",
                "block": key[1],
                "mode": key[2],
                "longest measured": fits and fits["N"],
                "seconds": fits and fits["seconds"],
                "peak GiB with inputs": fits and fits["peak bytes"] / GIB,
                "first that was not": over and over["N"],
                "because": over and over["outcome"],
            }
        )
    return table


def _beside(rows: Sequence[Row]) -> list[Row]:
    """The paper's three numbers, forward; it does not say of which attention."""
    said = published.GEOMETRIC_HYENA
    seconds = {
        row["model"]: row["seconds"]
        for row in _forward(rows, None)
        if row["N"] == said.length and row["outcome"] == MEASURED
    }
    longest = {
        row["block"]: row["longest measured"]
        for row in _longest(_forward(rows, _CAP))
        if row["longest measured"]
    }
    table = []
    for name in (FUSED, MATERIALISED):
        here = seconds[name] / seconds[OURS] if {name, OURS} <= seconds.keys() else None
        table.append(
            {"what": f"time of {name} / ours, N = {said.length:,}", "paper": said.speed, "here": here}
        )
        here = longest[OURS] / longest[name] if {name, OURS} <= longest.keys() else None
        table.append({"what": f"tokens of ours / {name}, 24 GiB", "paper": said.longer, "here": here})
    return [*table, {"what": "tokens of ours, 24 GiB", "paper": said.tokens, "here": longest.get(OURS)}]


def _forward(rows: Sequence[Row], cap: int | None) -> list[Row]:
    return [row for row in rows if row["cap GiB"] == cap and row["mode"] == MODES[0]]


def _all(rows: Sequence[Row]) -> list[Row]:
    keys = ("seconds", "bytes per token", "peak bytes")
    return [
        {
            "cap": "none" if row["cap GiB"] is None else f"{row['cap GiB']} GiB",
            "block": row["model"],
            "mode": row["mode"],
            "N": row["N"],
            **{key: row.get(key) for key in keys},
            "outcome": row["outcome"],
        }
        for row in rows
    ]
