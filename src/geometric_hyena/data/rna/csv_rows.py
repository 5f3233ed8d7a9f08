"""Rows of CSV files, one at a time, columns by name."""

import csv
from collections.abc import Iterator
from pathlib import Path

from geometric_hyena.data.protein_md.files import check_file
from geometric_hyena.errors import InputError


def read_rows(path: str | Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Rows of a CSV file with a header, each with its place ("labels.csv, row 2"; the header is row 1).

    Args:
        path: of the file, UTF-8.
        columns: that it has to have; others are given, too. Where a row is too short its values are None.

    Raises:
        InputError: where the file is empty or lacks a column.
    """
    check_file(str(path), "a CSV file")
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or []
        missing = [name for name in columns if name not in names]
        if missing:
            raise InputError(
                f"{path}: lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
                f"it has {_listed(list(names))}"
            )
        try:
            for row in reader:
                yield f"{Path(path).name}, row {reader.line_num}", row
        except csv.Error as error:
            raise InputError(f"{path}: row {reader.line_num} is no CSV ({error})") from error


def column_names(path: str | Path) -> list[str]:
    """The names in the header of a CSV file."""
    check_file(str(path), "a CSV file")
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        return next(csv.reader(file), [])


def parse_number(text: str | None) -> float | None:
    """A number, NaN for an empty cell (nothing measured), None for what is no finite number."""
    if text is None or not text.strip():
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "none"
