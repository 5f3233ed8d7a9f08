"""Docstrings are plain text with code in single backticks; here they are made safe for reStructuredText.

Stars, bars and trailing underscores mean nothing in our docstrings (`q * k`, `|x|`, `k_((i-j) mod N)`) and
much in reStructuredText. Equations and listings, indented paragraphs, are shown as they stand.
"""

import re
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
    """The lines with special characters escaped and indented paragraphs as literal blocks."""
    made: list[str] = []
    in_section = in_literal = False
    for line in lines:
        text = line.strip()
        indented = line.startswith(" ")
        if not text:
            made.append("")
            continue
        if not indented:
            in_section, in_literal = bool(_SECTION.match(text)), False
            made.append(_escaped(line))
            in_literal = text.endswith("::")
            continue
        if in_section or in_literal:
            made.append(line if in_literal else _escaped(line))
            continue
        in_literal = True
        made += ["::", "", line]
    return made


def _escaped(line: str) -> str:
    parts = _CODE.split(line)
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\g<0>", part) for part in parts)
