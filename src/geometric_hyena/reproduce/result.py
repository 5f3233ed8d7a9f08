"""The result of a sweep: `NAME.json` with provenance, from which table and figure are drawn."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError
from geometric_hyena.provenance import command_line, environment
from geometric_hyena.reproduce.runner import Job
from geometric_hyena.reproduce.sweep import Budget, Sweep

Record = Mapping[str, Any]
# What results of each kind have, beside the name of the kind and a title.
_NEEDED = {
    "study": ("parts",),
    "table": ("rows", "columns", "parts"),
    "sweep": ("cells", "settings", "models"),
}
_KEPT = ("parameters", "epochs", "best_epoch", "best_val_loss", "seconds", "threads")
# Where data lie on this machine is nobody's business; names and checksums stay.
_PATHS = ("path", "labels", "test_path")


def make_record(
    sweep: Sweep,
    budget: Budget,
    jobs: Sequence[Job],
    *,
    reduced: bool,
    skipped: Sequence[str],
    left_out: Record,
    failed: Record,
) -> dict[str, Any]:
    """Everything that table and figure say, and where it came from."""
    return {
        "sweep": sweep.name,
        "title": sweep.title,
        "axis": sweep.axis,
        "log_axis": sweep.log_axis,
        "reduced": reduced,
        "command": command_line(),
        "environment": environment(),
        "settings": list(budget.settings),
        "seeds": list(range(budget.seeds)),
        "models": list(dict.fromkeys(job.cell.model for job in jobs)),
        "models_not_available": list(skipped),
        "left_out": dict(left_out),
        "reference": sweep.reference,
        "trivial": list(sweep.trivial),
        "metric": sweep.metric,
        "published": [asdict(number) for number in sweep.published if number.setting in budget.settings],
        "failed": dict(failed),
        "cells": [_cell(job) for job in jobs if job.ended],
        # runs that were stopped, or have not begun, for want of time
        "unfinished": sum(not job.ended and job.cell.name not in failed for job in jobs),
    }


def _cell(job: Job) -> dict[str, Any]:
    summary = json.loads(job.run.summary.read_text())
    return {
        "model": job.cell.model,
        "setting": job.cell.setting,
        "seed": job.cell.seed,
        "run": job.cell.name,
        **{name: values for name, values in summary.items() if name.startswith("test")},
        **{name: summary[name] for name in _KEPT},
        "data": {name: value for name, value in summary["data"].items() if name not in _PATHS},
        "network": asdict(job.cell.config.network),
        "optimizer": asdict(job.cell.config.optimizer),
        "commit": summary["environment"]["commit"],
        "cpu": summary["environment"]["cpu"],
        "gpu": summary["environment"]["gpu"],
    }


def read_record(path: Path) -> dict[str, Any]:
    """A result that was written before.

    Raises:
        InputError: where the file is none.
    """
    try:
        record = json.loads(path.read_text())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check the path given as --from"
        ) from None
    except ValueError:
        record = None
    record = record if isinstance(record, dict) else {}
    kind = next((name for name in _NEEDED if name in record), "sweep")
    missing = {kind, "title", *_NEEDED[kind]} - record.keys()
    if missing:
        raise InputError(f"{path}: is no result of ghyena reproduce (it has no {', '.join(sorted(missing))})")
    return record


def values_of(
    record: Record, model: str, setting: Any, split: str = "test", who: str = "model"
) -> list[float]:
    """The errors of all seeds of a cell of the table."""
    return [
        cell[split][who][metric_of(record)]
        for cell in record["cells"]
        if cell["model"] == model and cell["setting"] == setting and split in cell
    ]


def seeds_note(record: Record, values: Sequence[float]) -> str:
    """What a cell says beside its mean where runs are missing: they diverged, failed or have not ended."""
    asked = len(record["seeds"])
    return f", {len(values)} of {asked} seeds" if 0 < len(values) < asked else ""


def trivial_values(record: Record, name: str, setting: Any) -> list[float]:
    """The error of a trivial baseline: one, for all runs of a setting share test data."""
    return opponent_values(record, name, setting)[:1]


def opponent_values(record: Record, name: str, setting: Any) -> list[float]:
    """The error of an opponent beside the runs, one a seed; of one that is not trained it is always the same.

    Not every run has every opponent beside it, where training one takes as long as the run.
    """
    by_seed = {
        cell["seed"]: cell["test"][name][metric_of(record)]
        for cell in reversed(record["cells"])
        if cell["setting"] == setting and name in cell["test"]
    }
    return [by_seed[seed] for seed in sorted(by_seed)]


def metric_of(record: Record) -> str:
    """The metric that is shown; results of earlier versions have squared errors."""
    return record.get("metric", "mse")
