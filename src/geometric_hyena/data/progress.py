"""A progress bar over long work, on a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def tracked(items: Iterable[Item], total: int, text: str) -> Iterator[Item]:
    """The items, with a bar on the terminal that tells what is done and how long the rest takes."""
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        yield from items
        return
    console = Console(stderr=True)
    shown = console.is_terminal and total > 0
    yield from track(items, text, total, console=console, disable=not shown, transient=True)
