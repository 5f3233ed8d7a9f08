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
_KEPT = ("parameters", "epochs", "best_epoch", "best_val_loss", "seconds", "threads", "data")


def make_record(
    sweep: Sweep,
    budget: Budget,
    jobs: Sequence[Job],
    *,
    reduced: bool,
    skipped: Sequence[str],
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
        "reference": sweep.reference,
        "trivial": list(sweep.trivial),
        "published": [asdict(number) for number in sweep.published if number.setting in budget.settings],
        "failed": dict(failed),
        "cells": [_cell(job) for job in jobs if job.ended],
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
    needed = {"study", "title", "parts"} if "study" in record else {"sweep", "cells", "settings", "models"}
    missing = needed - record.keys()
    if missing:
        raise InputError(f"{path}: is no result of ghyena reproduce (it has no {', '.join(sorted(missing))})")
    return record


def values_of(
    record: Record, model: str, setting: Any, split: str = "test", who: str = "model"
) -> list[float]:
    """The squared errors of all seeds of a cell of the table."""
    return [
        cell[split][who]["mse"]
        for cell in record["cells"]
        if cell["model"] == model and cell["setting"] == setting and split in cell
    ]


def trivial_values(record: Record, name: str, setting: Any) -> list[float]:
    """The squared error of a trivial baseline: one, for all runs of a setting share test data."""
    found = [cell["test"][name]["mse"] for cell in record["cells"] if cell["setting"] == setting]
    return found[:1]
