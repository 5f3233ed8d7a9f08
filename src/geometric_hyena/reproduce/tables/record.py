"""The result of a table: its columns' results, and everything else that its page says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from geometric_hyena.provenance import command_line, environment
from geometric_hyena.reproduce.plan import Plan
from geometric_hyena.reproduce.tables.claims import arithmetic
from geometric_hyena.reproduce.tables.paper_table import OURS, PaperTable

_DIVERGED = re.compile(r"\bloss\b.*\b(nan|inf|infinite|finite)\b", re.IGNORECASE)


def diverged(reason: str) -> bool:
    """Whether a run ended because its loss was no longer a number: an outcome, where others are failures."""
    return bool(_DIVERGED.search(reason))


def table_record(
    table: PaperTable, plans: Sequence[Plan], missing: Mapping[str, str], failed: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that the page says, and where it came from.

    Args:
        table: the table.
        plans: of the columns whose data are at hand.
        missing: what the other columns want, by their names.
        failed: cells that failed, with the reasons.
    """
    parts = [
        {
            **plan.record(failed),
            "diverged": sorted(
                {job.cell.model for job in plan.jobs if diverged(failed.get(job.cell.name, ""))}
            ),
        }
        for plan in plans
    ]
    titles = {column.name: column.title for column in table.columns}
    return {
        "table": table.name,
        "title": table.title,
        "unit": table.unit,
        "reduced": any(part["reduced"] for part in parts) or bool(missing),
        "unfinished": sum(part["unfinished"] for part in parts),
        "command": command_line(),
        "environment": environment(),
        "rows": [asdict(row) for row in table.rows],
        "columns": [
            {"name": name, "title": titles[name], "published": dict(table.published.get(name, {}))}
            for name in titles
            if name in missing or any(part["sweep"] == name for part in parts)
        ],
        "source": table.source,
        "parts": parts,
        "missing": {titles[name]: why for name, why in missing.items()},
        "claims": [
            {**arithmetic(claim, table.published[claim.column], OURS), "column": titles[claim.column]}
            for claim in table.claims
        ],
        "differences": list(table.differences),
    }
