"""A report page: a title, a headline and sections of blocks, written as one self-contained HTML file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path
from typing import Literal

from geometric_hyena.files import replacing
from geometric_hyena.report.blocks import (
    Block,
    Collapsed,
    Columns,
    Figure,
    KeyNumbers,
    KeyValues,
    Links,
    Paragraph,
    Stack,
    Table,
)
from geometric_hyena.report.structure_view import StructureView, ViewFrame

__all__ = [
    "Block",
    "Collapsed",
    "Columns",
    "Figure",
    "KeyNumbers",
    "KeyValues",
    "Links",
    "Page",
    "Paragraph",
    "Section",
    "Stack",
    "StructureView",
    "Table",
    "ViewFrame",
]

# The browser itself refuses to load anything from outside the file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Section:
    """A titled part of a page."""

    title: str
    blocks: Sequence[Block]

    def html(self) -> str:
        """The section as an HTML fragment."""
        inner = "".join(block.html() for block in self.blocks)
        return f"<section><h2>{escape(self.title)}</h2>{inner}</section>"


@dataclass
class Page:
    """A report: what it is about, the one sentence to take away, and sections.

    `verdict` colours the headline: "good" or "bad" news, or neither.
    """

    title: str
    subtitle: str = ""
    headline: str = ""
    verdict: Literal["good", "bad", "neutral"] = "neutral"
    sections: list[Section] = field(default_factory=list)

    def add(self, section: Section) -> "Page":
        """Append a section; returns the page, so that calls chain."""
        self.sections.append(section)
        return self

    def html(self) -> str:
        """The whole document; it refers to nothing outside itself."""
        style = resources.files("geometric_hyena.report").joinpath("page.css").read_text(encoding="utf-8")
        # dict.fromkeys keeps the first of each script, in order.
        scripts = dict.fromkeys(s for part in self.sections for block in part.blocks for s in block.scripts())
        subtitle = f'<p class="subtitle">{escape(self.subtitle)}</p>' if self.subtitle else ""
        headline = f'<p class="headline {self.verdict}">{escape(self.headline)}</p>' if self.headline else ""
        return "\n".join(
            [
                "<!DOCTYPE html>",
                '<html lang="en"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark">',
                f"<title>{escape(self.title)}</title>",
                f"<style>{style}</style></head><body>",
                f"<header><h1>{escape(self.title)}</h1>{subtitle}{headline}</header>",
                "<main>",
                *(section.html() for section in self.sections),
                "</main>",
                *(f"<script>{script}</script>" for script in scripts),
                "</body></html>\n",
            ]
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to `path`, all of it or nothing: a reader never finds half a report."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as partial:
            partial.write_text(self.html(), encoding="utf-8")
        return target
