"""Rows of CSV files, one at a time, columns by name."""

import csv
from collections.abc import Iterator
from pathlib import Path

from geometric_hyena.data.protein_md.files import check_file, text_of
from geometric_hyena.errors import InputError, shown

LARGEST = 3.4e38  # of a number in single precision


def read_rows(path: str | Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Rows of a CSV file with a header, each with its place ("labels.csv, row 2"; the header is row 1).

    Args:
        path: of the file, UTF-8.
        columns: that it has to have; others are given, too. Where a row is too short its values are None.

    Raises:
        InputError: where the file is empty, no UTF-8 or no CSV, where it lacks a column or has it twice, and
            at a row with more cells than the header.
    """
    names = column_names(path)
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(
            f"{path}: lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {listed_columns(names)}"
        )
    twice = [name for name in columns if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: has the column {shown(twice[0])} twice; rename or delete one")
    with text_of(path, newline="") as file:
        # strict: a quotation mark that nobody closes must not swallow the rows below it in silence
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                place = f"{Path(path).name}, row {reader.line_num}"
                if any(row.get(None) or ()):  # pyright: ignore[reportArgumentType, reportCallIssue]
                    raise InputError(
                        f"{path}: row {reader.line_num} has more cells than the header; look for a comma "
                        f"too many, or put the cell that has it into quotation marks"
                    )
                yield place, row
        except csv.Error as error:
            raise InputError(
                f"{path}: row {reader.line_num} is no CSV ({error}); mend its quotation marks"
            ) from error


def column_names(path: str | Path) -> list[str]:
    """The names in the header of a CSV file.

    Raises:
        InputError: where the file is empty, no UTF-8 or no CSV.
    """
    check_file(str(path), "a CSV file")
    with text_of(path, newline="") as file:
        try:
            return next(csv.reader(file, strict=True), [])
        except csv.Error as error:
            raise InputError(f"{path}: row 1 is no CSV ({error}); expected names of columns") from error


def parse_number(text: str | None) -> float | None:
    """A number, NaN for an empty cell (nothing measured), None for what is no number of single precision."""
    if text is None or not text.strip():
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        return None
    # Python's own notation 1_000 is no number of a table; targets are kept in single precision.
    return value if abs(value) <= LARGEST and "_" not in text else None


def listed_columns(names: list[str]) -> str:
    """Names of columns for a message, the first of many."""
    told = ", ".join(shown(name, 40) for name in names[:12])
    return told + ", ..." * (len(names) > 12) if names else "none"
