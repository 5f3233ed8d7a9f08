"""What the card of a published model says of its training: data, command and metrics of the run."""

import json
from typing import Any

from geometric_hyena.errors import InputError
from geometric_hyena.training.run_directory import RunDirectory


def card_details(run: RunDirectory, note: str = "") -> str:
    """Markdown, from the run's summary.json, with a note on the data.

    Raises:
        InputError: where there is no readable summary.
    """
    try:
        summary = json.loads(run.summary.read_text())
        recipe, _ = run.read_config()
        where = summary["environment"]
        return "\n".join(
            [
                "## Training",
                "",
                f"Recipe `{recipe}`, by `{summary['command']}`",
                f"at commit {where['commit']}, seed {summary['seed']}: {summary['epochs']} epochs in "
                f"{summary['seconds']:.0f} s, {where['gpu'] or where['cpu']}, "
                f"{summary['threads']} thread(s), torch {where['torch']}.",
                "",
                "## Test",
                "",
                *_table(summary["test"]),
                "",
                "## Data",
                "",
                note or "Not part of this folder, and under a licence of its own.",
                "",
                "What the weights learned from:",
                "",
                "```json",
                json.dumps(summary["data"], indent=1),
                "```",
            ]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{run.summary}: is no summary of a finished run ({error!r})") from error


def _table(metrics: dict[str, dict[str, Any]]) -> list[str]:
    names = list(metrics["model"])
    rows = [
        f"| {who.replace('_', ' ')} | " + " | ".join(f"{found[name]:.4f}" for name in names) + " |"
        for who, found in metrics.items()
    ]
    return ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|", *rows]
