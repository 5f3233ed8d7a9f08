"""Files that users name: checks before they are read, and errors of parsers in one line."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from geometric_hyena.errors import InputError, shown


def check_file(path: str, option: str) -> None:
    """Check that a file is there and not empty.

    Raises:
        InputError: naming the file and the option it was given as.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        seen = "" if os.path.isabs(path) else f" in {os.getcwd()}"
        raise InputError(f"{path}: no such file{seen}; check the path given as {option}") from None
    except (OSError, ValueError) as error:  # a name too long, no permission, a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{shown(path)}: cannot be read ({reason}); check the path given as {option}"
        ) from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: is a directory; {option} expects a file")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: is a device or a pipe; {option} expects a file")
    if found.st_size == 0:
        raise InputError(f"{path}: is empty; copy or write it again")


@contextmanager
def text_of(path: str | Path, newline: str | None = None) -> Iterator[TextIO]:
    """A file of UTF-8 text to read from, with or without a byte order mark.

    Raises:
        InputError: where it cannot be opened, and at the first row that is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig", newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: row {_first_undecodable(path)} is not UTF-8 text ({error.reason}); "
            f"save the file as UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from error


def _first_undecodable(path: str | Path) -> int:
    """The row, from 1; the error itself only knows its place in a piece of the file."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


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
    return shown((told or lines or [type(error).__name__])[0])
