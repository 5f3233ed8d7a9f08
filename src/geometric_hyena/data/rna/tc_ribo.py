"""Tetracycline riboswitches: how strongly 355 variants switch (Groher et al. 2018)."""

from pathlib import Path

import numpy as np

from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.csv_rows import parse_number, read_rows
from geometric_hyena.data.rna.folding import fold
from geometric_hyena.data.rna.problems import Problems, clean_sequence, sequence_problems
from geometric_hyena.data.rna.records import RnaData, RnaRecord

TARGET = "switching_factor"
_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def load_tc_ribo(path: str | Path, *, skip_invalid: bool = False) -> RnaData:
    """Read `Tc-Riboswitches.csv`: columns Sequence, Value and Split (train, val, test), kept as its split.

    Structures are folded by ViennaRNA.

    Raises:
        InputError: naming all bad rows at once.
        MissingDependencyError: where ViennaRNA is not installed.
    """
    problems = Problems(skip_invalid)
    rows: list[tuple[str, str, float, str]] = []
    notes = []
    seen: dict[str, str] = {}
    for place, row in read_rows(path, ("Sequence", "Value", "Split")):
        sequence, thymine = clean_sequence(row["Sequence"] or "")
        found = sequence_problems(sequence)
        value = parse_number(row["Value"])
        if value is None or np.isnan(value):
            found.append(f"Value is '{row['Value']}', expected a number")
        split = (row["Split"] or "").strip()
        if split not in _SPLITS:
            found.append(f"Split is '{split}', expected one of {', '.join(_SPLITS)}")
        if sequence in seen and not found:
            notes.append(f"{place}: the sequence is that of {seen[sequence]}")
        for what in found:
            problems.add(place, what)
        if not found and value is not None:
            seen.setdefault(sequence, place)
            rows.append((place, sequence, value, _SPLITS[split]))
            if thymine:
                notes.append(f"{place}: T read as U")
    skipped = problems.finish(len(rows))
    records = []
    for place, sequence, value, _ in tracked(rows, len(rows), "folding"):
        name = f"tc-ribo-{place.rsplit(' ', 1)[1]}"
        records.append(RnaRecord(name, sequence, fold(sequence), np.array([[value]]), None, place))
    names = np.array([split for *_, split in rows])
    splits = {name: np.flatnonzero(names == name) for name in _SPLITS.values()}
    return RnaData(tuple(records), (TARGET,), "molecule", splits, tuple(notes), skipped)
