"""One line of what is asked of a benchmark, what was measured, and whether it holds."""

from typing import Any


def verdict(what: str, measured: float | None, word: str, bound: float) -> dict[str, Any]:
    """A row of the table of targets.

    Args:
        what: the quantity.
        measured: its worst value, or None where the run did not reach it.
        word: "most" or "least".
        bound: what it must be at most, or at least.
    """
    holds = None
    if measured is not None:
        holds = measured <= bound if word == "most" else measured >= bound
    return {"what": what, "worst measured": measured, "asked": f"at {word} {bound:,}", "holds": holds}
