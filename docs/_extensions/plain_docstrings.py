"""Docstrings are plain text with code in single backticks; here they are made safe for reStructuredText.

Stars, bars and trailing underscores mean nothing in our docstrings (`q * k`, `|x|`, `k_((i-j) mod N)`) and
much in reStructuredText. Equations and listings, indented paragraphs, are shown as they stand.
"""

import re
from itertools import groupby
from typing import Any

_CODE = re.compile(r"(`+[^`]*`+)")
_SPECIAL = re.compile(r"[*|\\]|_(?!\w)")
_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields):$")


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx; before napoleon, which has priority 500."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}


def process(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Replace the lines of a docstring."""
    lines[:] = plain(lines)


def plain(lines: list[str]) -> list[str]:
    """The lines with special characters escaped, and indented paragraphs and tables as literal blocks."""
    made: list[str] = []
    literal_next = in_section = False
    for paragraph in _paragraphs(lines):
        first = paragraph[0]
        if not first.startswith(" "):
            in_section = literal_next = False
        if in_section or literal_next:
            made += paragraph if literal_next else map(_escaped, paragraph)
        elif first.startswith(" "):
            made += ["::", "", *paragraph]
        elif _SECTION.match(first):
            in_section = True
            made += map(_escaped, paragraph)
        elif _is_table(paragraph):
            made += ["::", "", *(f"    {line}" for line in paragraph)]
        else:
            literal_next = paragraph[-1].endswith("::")
            made += map(_escaped, paragraph)
        made.append("")
    return made[:-1]


def _paragraphs(lines: list[str]) -> list[list[str]]:
    groups = ([*group] for filled, group in groupby(lines, key=lambda line: bool(line.strip())) if filled)
    return list(groups)


def _is_table(paragraph: list[str]) -> bool:
    """Whether some of its lines are indented: names, and what there is to say of them in a column."""
    return not paragraph[0].startswith("- ") and any(line.startswith(" ") for line in paragraph)


def _escaped(line: str) -> str:
    parts = _CODE.split(line)
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\g<0>", part) for part in parts)
