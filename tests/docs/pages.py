"""The pages of the documentation, as tests read them: fenced blocks in order."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, and its text."""

    language: str
    text: str


def pages():
    """All Markdown pages but those that others' tools wrote."""
    return sorted(p for p in DOCS.rglob("*.md") if not {"_build", "gallery"} & set(p.relative_to(DOCS).parts))


def blocks(page):
    return [Block(*match) for match in _FENCE.findall(page.read_text())]


def commands(page):
    """Lines of the shell, continued lines joined, without comments."""
    found = []
    for block in blocks(page):
        if block.language in ("", "sh", "bash", "console"):
            for line in block.text.replace("\\\n", " ").splitlines():
                line = re.sub(r"\s#.*$", "", line).removeprefix("$ ").strip()
                if line and not line.startswith("#"):
                    found.append(line)
    return found


def name(page):
    return str(page.relative_to(DOCS))
