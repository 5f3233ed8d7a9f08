"""The blocks that sections of a report are made of; every one of them escapes the text it is given."""

import base64
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

from geometric_hyena.report.numbers import format_value
from geometric_hyena.report.palette import themed
from geometric_hyena.report.plot_style import SVG

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

# Matplotlib's SVG uses points; a point is 96 / 72 CSS pixels.
_CSS_PIXELS_PER_INCH = 96
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


class Block(ABC):
    """A piece of a section."""

    @abstractmethod
    def html(self) -> str:
        """The block as an HTML fragment, all text escaped."""

    def scripts(self) -> tuple[str, ...]:
        """JavaScript sources that the block needs; the page carries each of them once."""
        return ()


@dataclass(frozen=True)
class Paragraph(Block):
    """A paragraph of text; `muted` for remarks."""

    text: str
    muted: bool = False

    def html(self) -> str:
        """The paragraph."""
        mark = ' class="muted"' if self.muted else ""
        return f"<p{mark}>{escape(self.text)}</p>"


@dataclass(frozen=True)
class KeyNumbers(Block):
    """A row of large numbers, each a (value, what it is) pair."""

    numbers: Sequence[tuple[str, str]]

    def html(self) -> str:
        """The row."""
        cells = "".join(
            f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for value, label in self.numbers
        )
        return f'<dl class="key-numbers">{cells}</dl>'


@dataclass(frozen=True)
class KeyValues(Block):
    """Names and values, one pair a line; nested mappings become dotted names."""

    values: Mapping[str, object]

    def html(self) -> str:
        """The list."""
        rows = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(format_value(value))}</dd></div>"
            for name, value in _flattened(self.values)
        )
        return f'<dl class="key-values">{rows}</dl>'


@dataclass(frozen=True)
class Links(Block):
    """A list of links to files beside the page, each a (text, target) pair."""

    targets: Sequence[tuple[str, str]]

    def html(self) -> str:
        """The list."""
        items = "".join(
            f'<li><a href="{escape(target, quote=True)}">{escape(text)}</a></li>'
            for text, target in self.targets
        )
        return f"<ul>{items}</ul>"


@dataclass(frozen=True)
class Table(Block):
    """A table: the first column is text, the others are numbers set right.

    `highlight` names the index of a row to set off, `best` the (row, column) cells to set bold.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    highlight: int | None = None
    best: frozenset[tuple[int, int]] = frozenset()

    def html(self) -> str:
        """The table."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        body = []
        for i, row in enumerate(self.rows):
            cells = [escape(format_value(cell)) for cell in row]
            cells = [
                f"<strong>{cell}</strong>" if (i, j) in self.best else cell for j, cell in enumerate(cells)
            ]
            first = f'<th scope="row">{cells[0]}</th>' if cells else ""
            mark = ' class="highlight"' if i == self.highlight else ""
            body.append(f"<tr{mark}>{first}{''.join(f'<td>{cell}</td>' for cell in cells[1:])}</tr>")
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        inner = f"{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
        return f'<div class="scroll"><table>{inner}</table></div>'


@dataclass(frozen=True)
class Figure(Block):
    """A matplotlib figure, inline: as SVG (sharp, follows the theme) or as PNG (for very many marks).

    `alt` says in a sentence what is seen, for readers who do not see it. On a narrow screen a `wide` figure
    scrolls in its own frame, where others shrink to fit.
    """

    figure: "MatplotlibFigure"
    alt: str
    caption: str = ""
    wide: bool = False
    format: Literal["svg", "png"] = "svg"
    dpi: int = 160

    def html(self) -> str:
        """The figure with its caption."""
        width = round(self.figure.get_figwidth() * _CSS_PIXELS_PER_INCH)
        alt = escape(self.alt, quote=True)
        kind = "plot wide" if self.wide else "plot"
        if self.format == "svg":
            plot = f'<div class="{kind}" role="img" aria-label="{alt}">{self._svg()}</div>'
        else:
            plot = f'<div class="{kind}"><img class="on-white" alt="{alt}" src="{self._png()}"></div>'
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure style="max-width:{width}px">{plot}{caption}</figure>'

    def _png(self) -> str:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=self.dpi)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

    def _svg(self) -> str:
        import matplotlib

        buffer = io.StringIO()
        # Text is small, selectable, in the page's font; names in two figures of a page clash only where what
        # they name is the same.
        with matplotlib.rc_context(SVG):
            self.figure.savefig(buffer, format="svg", dpi=self.dpi, transparent=True)
        svg = buffer.getvalue()
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg = re.sub(r' id="[A-Za-z.]+(?:2d)?_\d+"', "", svg)
        svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
        svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
        svg = re.sub(r"font-family:[^;\"]*", f"font-family: {_FONTS}", svg)
        svg = re.sub(r"(font: [^;\"]*?px) [^;\"]*", rf"\1 {_FONTS}", svg)
        return themed(svg)


@dataclass(frozen=True)
class Stack(Block):
    """Blocks one below the other, as one block."""

    blocks: Sequence[Block]

    def html(self) -> str:
        """The blocks in order."""
        return "".join(block.html() for block in self.blocks)

    def scripts(self) -> tuple[str, ...]:
        """Those of the blocks inside."""
        return tuple(script for block in self.blocks for script in block.scripts())


@dataclass(frozen=True)
class Columns(Stack):
    """Blocks side by side where the window is wide enough, else one below the other."""

    def html(self) -> str:
        """The columns."""
        return f'<div class="columns">{"".join(f"<div>{block.html()}</div>" for block in self.blocks)}</div>'


@dataclass(frozen=True)
class Collapsed(Block):
    """Blocks behind a summary line that opens on a click."""

    summary: str
    blocks: Sequence[Block]

    def html(self) -> str:
        """The closed details element."""
        inner = "".join(block.html() for block in self.blocks)
        return f"<details><summary>{escape(self.summary)}</summary>{inner}</details>"

    def scripts(self) -> tuple[str, ...]:
        """Those of the blocks inside."""
        return tuple(script for block in self.blocks for script in block.scripts())


def _flattened(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            pairs += _flattened(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", value))
    return pairs
