"""Files that users name: checks before they are read, and errors of parsers in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geometric_hyena.errors import InputError


def check_file(path: str, option: str) -> None:
    """Check that a file is there and not empty.

    Raises:
        InputError: naming the file and the option it was given as.
    """
    if not Path(path).exists():
        raise InputError(f"{path}: no such file; check the path given as {option}")
    if not Path(path).is_file():
        raise InputError(f"{path}: is a directory; {option} expects a file")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path}: is empty; copy or write it again")


@contextmanager
def translated(path: str, kind: str) -> Iterator[None]:
    """Turn whatever a parser raises on a file into an `InputError` of one line."""
    try:
        yield
    except Exception as error:  # parsers raise anything on a file that is not in its format
        raise InputError(
            f"{path}: cannot be read as a {kind} ({first_line(error)}); check that the file is whole "
            f"and its suffix names its format"
        ) from error


def first_line(error: BaseException) -> str:
    """The reason in one line: of the deepest cause, since MDAnalysis wraps it in its list of formats."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # "Failed to construct topology ... with parser ..." comes first, the reason after it.
    told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    line = (told or lines or [type(error).__name__])[0]
    return line if len(line) <= 160 else line[:157] + "..."
