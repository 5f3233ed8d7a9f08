"""Run a benchmark: check first, then measure, then write JSON, a table and a figure under one folder."""

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.errors import GHyenaError, InputError, MissingDependencyError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.operators.kernels import numba_imports
from geometric_hyena.provenance import command_line, environment
from geometric_hyena.report.plot_style import save_svg

BENCHMARKS = {
    "operator": "geometric long convolution over the floor of its FFTs and over the papers' way",
    "messages": "aggregated message moments over concatenated messages",
    "block": "the block over its attention twins; bytes per token",
    "scaling": "the block and its twins against N: exponents, bytes per token, largest N that fits",
    "scaling-models": "one layer of every model against N, as scaling --models all",
    "context-parallel": "a sequence over several processes: memory of each, bytes they send; 10^8 tokens",
    "streaming": "a model on more tokens than fit: within a memory budget, features on disk",
}


def run_benchmark(name: str, folder: Path, settings: Settings | None = None, threads: int = 1) -> str:
    """Measure and write `NAME.json`, `NAME.md` and `NAME.svg`; returns the table.

    Raises:
        InputError: for a name that is none, a memory budget that cannot be met, or a folder that cannot be
            made.
        GHyenaError: where the correctness check fails: then nothing is timed.
    """
    settings = settings or Settings()
    module = _module(name)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    left_out: dict[str, str] = {}
    if hasattr(module, "installed"):
        present: tuple[Settings, dict[str, str]] = module.installed(settings)
        settings, left_out = present
        for what, reason in left_out.items():
            print(f"ghyena: {what} is left out: {reason}", file=sys.stderr, flush=True)
    try:
        module.check(settings, device)
    except AssertionError as error:
        first = str(error).strip().splitlines()[0]
        raise GHyenaError(
            f"benchmark {name}: its correctness check fails, nothing is timed: {first}"
        ) from error
    make_folder(folder)
    found = []
    for row in module.rows(settings, device):
        found.append(row)
        print(markdown([row]).splitlines()[-1], file=sys.stderr, flush=True)
    record = {
        "benchmark": name,
        "title": module.title(settings),
        "reduced": settings.quick,
        "command": command_line(),
        "threads": threads,
        "device": device.type,
        "numba": numba_imports(),
        "environment": environment(),
        "left out": left_out,
        "rows": found,
        "fits": module.fits(found, settings) if hasattr(module, "fits") else [],
        "targets": module.targets(found, settings),
    }
    write_json(folder / f"{name}.json", record)
    return _show(module, record, folder)


def redraw(name: str, file: Path, folder: Path) -> str:
    """Write table and figure again from the JSON of an earlier run; returns the table.

    Raises:
        InputError: for a file that is not the record of this benchmark.
    """
    module = _module(name)
    try:
        record = json.loads(file.read_text())
        if record["benchmark"] == name:
            return _show(module, record, folder)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except (KeyError, TypeError, IndexError, AttributeError, json.JSONDecodeError, UnicodeError) as error:
        raise InputError(f"{file}: is no record that ghyena benchmark {name} wrote") from error
    raise InputError(f"{file}: holds the benchmark '{record['benchmark']}', not '{name}'")


def _module(name: str) -> ModuleType:
    if name not in BENCHMARKS:
        raise InputError(f"benchmark: there is no '{name}'; choose one of: {', '.join(BENCHMARKS)}")
    return import_module(f"geometric_hyena.benchmarks.{name.replace('-', '_')}")


def _show(module: ModuleType, record: dict[str, Any], folder: Path) -> str:
    name = record["benchmark"]
    notes = f"`{record['command']}`, {record['threads']} thread(s), {record['device']}, float32"
    parts = [f"# {record['title']}", f"{'REDUCED. ' if record['reduced'] else ''}{notes}"]
    parts.append(f"![{record['title']}]({name}.svg)")
    parts += [markdown(record[key]) for key in ("fits", "rows", "targets") if record[key]]
    parts += [f"Left out: {what}. {reason}." for what, reason in record.get("left out", {}).items()]
    text = "\n\n".join(parts) + "\n"
    try:
        figure = module.figure(record)
    except MissingDependencyError:
        make_folder(folder)
        replace_text(folder / f"{name}.md", text)
        raise
    make_folder(folder)
    replace_text(folder / f"{name}.md", text)
    save_svg(figure, folder / f"{name}.svg")
    return text


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    if not rows:
        return ""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(row[key]) for key in head) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
