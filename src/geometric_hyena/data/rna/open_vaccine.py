"""Open Vaccine: degradation of mRNA constructs (Kaggle 2020, Wayment-Steele et al. 2022)."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from geometric_hyena.data.protein_md.files import check_file, first_line, text_of
from geometric_hyena.data.rna.csv_rows import LARGEST
from geometric_hyena.data.rna.problems import Problems, clean_sequence, sequence_problems
from geometric_hyena.data.rna.records import RnaData, RnaRecord
from geometric_hyena.errors import InputError, shown

TARGETS = ("reactivity", "deg_Mg_pH10", "deg_pH10", "deg_Mg_50C", "deg_50C")
PAPER_TARGETS = TARGETS[:3]


def load_open_vaccine(
    path: str | Path,
    *,
    targets: tuple[str, ...] = PAPER_TARGETS,
    sn_filter: bool = True,
    skip_invalid: bool = False,
) -> RnaData:
    """Read Kaggle's `train.json` (JSON lines).

    Positions behind `seq_scored` are not measured; a profile of zeros alone is none either (in the published
    labels of the 130-nt constructs deg_pH10 and deg_50C were never measured and stand as zeros).

    Args:
        path: of the file.
        targets: of the five, which and in which order.
        sn_filter: only constructs that pass the signal-to-noise filter (`SN_filter` is 1).
        skip_invalid: leave bad rows out and list them, instead of an error.

    Raises:
        InputError: naming all bad rows at once.
    """
    unknown = [name for name in targets if name not in TARGETS]
    if unknown or not targets:
        raise InputError(
            f"targets: expected some of {', '.join(TARGETS)}, got {', '.join(unknown) or 'none'}"
        )
    check_file(str(path), "the Open Vaccine file")
    problems = Problems(skip_invalid)
    records: dict[str, RnaRecord] = {}
    notes = []
    with text_of(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = f"{Path(path).name}, row {number}"
            try:
                row = json.loads(line)
                wanted = not sn_filter or int(row["SN_filter"]) == 1
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                problems.add(place, f"is no row of this file ({_reason(error)})")
                continue
            if not wanted:
                continue
            record, found, thymine = _record(row, place, targets)
            if record is not None and record.id in records:
                found.append(f"id {record.id} is there already, at {records[record.id].source}")
            for what in found:
                problems.add(place, what)
            if record is not None and not found:
                records[record.id] = record
                if thymine:
                    notes.append(f"{place}: T read as U")
    skipped = problems.finish(len(records))
    if not records:
        raise InputError(f"{path}: no construct passes SN_filter; read all with sn_filter=False")
    return RnaData(tuple(records.values()), tuple(targets), "nucleotide", None, tuple(notes), skipped)


def _record(
    row: dict[str, Any], place: str, targets: tuple[str, ...]
) -> tuple[RnaRecord | None, list[str], bool]:
    """A row as a record, what is wrong with it, and whether it had a T."""
    missing = [key for key in ("id", "sequence", "structure", "seq_scored", *targets) if key not in row]
    if missing:
        return None, [f"lacks {', '.join(missing)}"], False
    wrong = [key for key in ("id", "sequence", "structure") if not isinstance(row[key], str) or not row[key]]
    if wrong:
        return None, [f"{', '.join(wrong)}: expected text"], False
    sequence, thymine = clean_sequence(row["sequence"])
    found = sequence_problems(sequence, row["structure"])
    scored = row["seq_scored"]
    if not isinstance(scored, int) or isinstance(scored, bool) or not 1 <= scored <= len(sequence):
        return None, [*found, f"seq_scored is {scored}, the sequence has {len(sequence)} letters"], thymine
    values = np.full((len(sequence), len(targets)), np.nan)
    errors = np.full((len(sequence), len(targets)), np.nan)
    for column, name in enumerate(targets):
        profile, wrong = _profile(row[name], scored, name)
        found += wrong
        if not wrong and any(profile):
            values[:scored, column] = profile
            error, wrong = _profile(
                row.get(error_name(name), [math.nan] * scored), scored, error_name(name), nan=True
            )
            found += wrong
            if not wrong:
                errors[:scored, column] = error
    return RnaRecord(row["id"], sequence, row["structure"], values, errors, place), found, thymine


def error_name(target: str) -> str:
    """The column with the standard errors of a target: `reactivity_error`, `deg_error_pH10`, ..."""
    return "reactivity_error" if target == "reactivity" else target.replace("deg_", "deg_error_", 1)


def _profile(values: Any, length: int, name: str, nan: bool = False) -> tuple[list[float], list[str]]:
    """Numbers of one target, and what is wrong with them."""
    numbers = isinstance(values, list) and not any(
        isinstance(v, bool) or not isinstance(v, int | float) for v in values
    )
    if not numbers:
        return [], [f"{name} is no list of numbers"]
    if len(values) != length:
        return [], [f"{name} has {len(values)} values, seq_scored is {length}"]
    # A comparison: a whole number of any length is one of JSON, and not all of them are a float.
    bad = [i for i, value in enumerate(values, 1) if not abs(value) <= LARGEST]
    if bad and not nan:
        return [], [f"{name} is {shown(values[bad[0] - 1], 20)} at nucleotide {bad[0]} ({len(bad)} in all)"]
    return [math.nan if i in bad else float(value) for i, value in enumerate(values, 1)], []


def _reason(error: Exception) -> str:
    return f"lacks {error}" if isinstance(error, KeyError) else first_line(error)
