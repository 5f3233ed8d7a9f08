"""The index of everything that was reproduced, as Markdown and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geometric_hyena.files import replace_text
from geometric_hyena.provenance import command_line, environment
from geometric_hyena.report.blocks import KeyValues, Links, Table
from geometric_hyena.report.markdown import page_markdown
from geometric_hyena.report.page import Page, Section


@dataclass(frozen=True)
class IndexRow:
    """An entry: name, title, how it went, and its page, if it has one, below the folder of the index."""

    name: str
    title: str
    status: str
    link: str | None = None
    failed: bool = False


def write_index(rows: Sequence[IndexRow], folder: Path, *, reduced: bool) -> str:
    """Write index.md and index.html; returns the Markdown."""
    stamp = "REDUCED. " if reduced else ""
    page = Page(
        f"Tables and figures of the papers{' (REDUCED)' if reduced else ''}", f"{stamp}`{command_line()}`"
    )
    page.add(Section("Pages", [Links([(f"{row.name}: {row.title}", row.link) for row in rows if row.link])]))
    page.add(Section("What was run", [Table(["name", "outcome"], [[row.name, row.status] for row in rows])]))
    page.add(Section("Where it ran", [KeyValues(environment())]))
    text = page_markdown(page)
    page.write(folder / "index.html")
    replace_text(folder / "index.md", text)
    return text
