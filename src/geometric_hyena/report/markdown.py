"""A page of paragraphs, tables and lists of values as Markdown, for those who read files and not browsers."""

from collections.abc import Sequence

from geometric_hyena.report.blocks import Block, KeyValues, Links, Paragraph, Table
from geometric_hyena.report.numbers import format_value
from geometric_hyena.report.page import Page


def page_markdown(page: Page) -> str:
    """The page: its title, subtitle, headline and sections.

    Raises:
        TypeError: for a block that only a browser can show.
    """
    lines = [f"# {page.title}", ""]
    for text in (page.subtitle, page.headline):
        lines += [text, ""] if text else []
    for section in page.sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [*_lines(block), ""]
    return "\n".join(lines)


def _lines(block: Block) -> list[str]:
    if isinstance(block, Paragraph):
        return [block.text]
    if isinstance(block, KeyValues):
        return [f"- {name}: {format_value(value)}" for name, value in block.values.items()]
    if isinstance(block, Links):
        return [f"- [{text}]({target})" for text, target in block.targets]
    if isinstance(block, Table):
        return _table(block)
    raise TypeError(f"a {type(block).__name__} has no Markdown")


def _table(table: Table) -> list[str]:
    rows = [
        [
            f"**{format_value(cell)}**" if (i, j) in table.best else format_value(cell)
            for j, cell in enumerate(row)
        ]
        for i, row in enumerate(table.rows)
    ]
    lines = [table.caption, ""] if table.caption else []
    lines += [_row(table.columns), "|" + "---|" * len(table.columns), *map(_row, rows)]
    return lines


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
