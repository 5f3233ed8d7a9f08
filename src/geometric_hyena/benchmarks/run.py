"""Run a benchmark: check first, then measure, then write JSON and a table under one folder."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from geometric_hyena.errors import GHyenaError, InputError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.operators.kernels import numba_imports
from geometric_hyena.provenance import command_line, environment

BENCHMARKS = {
    "operator": "geometric long convolution over the floor of its FFTs and over the papers' way",
    "messages": "aggregated message moments over concatenated messages",
    "block": "the block over its attention twins; bytes per token; exponent in N",
}


def run_benchmark(name: str, folder: Path, quick: bool = False, threads: int = 1) -> str:
    """Measure and write `NAME.json` and `NAME.md`; returns the table.

    Raises:
        InputError: for a name that is none, or a folder that cannot be made.
        GHyenaError: where the correctness check fails: then nothing is timed.
    """
    if name not in BENCHMARKS:
        raise InputError(f"benchmark: there is no '{name}'; choose one of: {', '.join(BENCHMARKS)}")
    make_folder(folder)
    module = import_module(f"geometric_hyena.benchmarks.{name}")
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        module.check(device)
    except AssertionError as error:
        first = str(error).strip().splitlines()[0]
        raise GHyenaError(
            f"benchmark {name}: its correctness check fails, nothing is timed: {first}"
        ) from error
    found = []
    for row in module.rows(quick, device):
        found.append(row)
        print(markdown([row]).splitlines()[-1], file=sys.stderr, flush=True)
    targets = module.targets(found)
    record = {
        "benchmark": name,
        "reduced": quick,
        "command": command_line(),
        "threads": threads,
        "numba": numba_imports(),
        "environment": environment(),
        "rows": found,
        "targets": targets,
    }
    write_json(folder / f"{name}.json", record)
    notes = f"{'REDUCED. ' if quick else ''}`{record['command']}`, {threads} thread(s), {device}, float32"
    text = f"# {module.TITLE}\n\n{notes}\n\n{markdown(found)}\n\n{markdown(targets)}\n"
    replace_text(folder / f"{name}.md", text)
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
