"""Ribonanza: chemical mapping by DMS and 2A3 (Kaggle 2023, He et al. 2024), read row by row.

The CSV has a row per sequence and experiment. The papers' "2k" is one of its sub-data-sets (`dataset_name`),
that whose labels are nearest to a normal distribution.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.csv_rows import column_names, listed_columns, parse_number, read_rows
from geometric_hyena.data.rna.folding import fold
from geometric_hyena.data.rna.problems import Problems, clean_sequence, sequence_problems
from geometric_hyena.data.rna.records import RnaData, RnaRecord
from geometric_hyena.errors import InputError, shown

EXPERIMENTS = ("DMS_MaP", "2A3_MaP")
_COLUMNS = ("sequence_id", "sequence", "experiment_type", "dataset_name", "SN_filter")


@dataclass
class SubDataSet:
    """One sub-data-set: how many molecules passed the filter in both experiments, and the labels' moments.

    Attributes:
        name: its `dataset_name`.
        molecules: ids with both profiles.
        moments: number of labels, and sums of their powers 1 to 4.
    """

    name: str
    molecules: set[str] = field(default_factory=set)
    moments: np.ndarray = field(default_factory=lambda: np.zeros(5))

    @property
    def distance_from_normal(self) -> float:
        """|skewness| + |excess kurtosis| of the labels; infinite where they do not vary."""
        count, *sums = self.moments
        if count < 2:
            return float("inf")
        m1, m2, m3, m4 = (value / count for value in sums)
        variance = m2 - m1**2
        if variance <= 1e-12 * max(m2, 1e-300):
            return float("inf")
        third = m3 - 3 * m1 * m2 + 2 * m1**3
        fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
        return float(abs(third / variance**1.5) + abs(fourth / variance**2 - 3))


def survey(path: str | Path, *, smallest: int = 1, largest: int | None = None) -> list[SubDataSet]:
    """The sub-data-sets whose size lies between two bounds, those nearest to normal labels first.

    Reads the file twice, row by row. A molecule counts where both of its profiles pass SN_filter.

    Raises:
        InputError: where the file lacks a column, or no sub-data-set has such a size.
    """
    passed: dict[str, dict[str, set[str]]] = {}
    for _, row in read_rows(path, _COLUMNS):
        if row["SN_filter"] in ("1", "1.0"):
            of_set = passed.setdefault(row["dataset_name"] or "", {})
            of_set.setdefault(row["sequence_id"] or "", set()).add(row["experiment_type"] or "")
    sets = {}
    for name, molecules in passed.items():
        whole = {key for key, experiments in molecules.items() if experiments.issuperset(EXPERIMENTS)}
        if smallest <= len(whole) <= (largest or len(whole)):
            sets[name] = SubDataSet(name, whole)
    if not sets:
        sizes = f"at least {smallest}" if largest is None else f"{smallest} to {largest}"
        raise InputError(
            f"{path}: no sub-data-set has {sizes} molecules that pass SN_filter in both experiments"
        )
    labels = _label_columns(path)
    for _, row in read_rows(path, (*_COLUMNS, *labels)):
        found = sets.get(row["dataset_name"] or "")
        if found is not None and row["sequence_id"] in found.molecules and row["SN_filter"] in ("1", "1.0"):
            numbers = (parse_number(row[column]) for column in labels)
            values = np.array([number for number in numbers if number is not None and number == number])
            found.moments += [len(values), *((values**power).sum() for power in (1, 2, 3, 4))]
    return sorted(sets.values(), key=lambda found: (found.distance_from_normal, found.name))


def load_ribonanza(
    path: str | Path,
    *,
    dataset: str | None = None,
    smallest: int = 2000,
    largest: int = 2500,
    skip_invalid: bool = False,
) -> RnaData:
    """Read one sub-data-set of Kaggle's `train_data.csv`; structures are folded by ViennaRNA.

    Targets are the reactivities to DMS and 2A3; empty cells (the ends) are not measured. Only molecules count
    whose profiles both pass SN_filter.

    Args:
        path: of the file.
        dataset: name of the sub-data-set; None: of those with `smallest` to `largest` molecules the one whose
            labels are nearest to normal (|skewness| + |excess kurtosis|).
        smallest: fewest molecules of a sub-data-set that is chosen.
        largest: most of them.
        skip_invalid: leave bad rows out and list them, instead of an error.

    Raises:
        InputError: naming all bad rows at once, or where there is no such sub-data-set.
        MissingDependencyError: where ViennaRNA is not installed.
    """
    notes = []
    if dataset is None:
        chosen = survey(path, smallest=smallest, largest=largest)[0]
        dataset = chosen.name
        notes.append(
            f"sub-data-set {dataset}: {len(chosen.molecules)} molecules, |skewness| + |excess kurtosis| = "
            f"{chosen.distance_from_normal:.3f}"
        )
    problems = Problems(skip_invalid)
    labels = _label_columns(path)
    found: dict[str, dict[str, np.ndarray]] = {}
    sequences: dict[str, tuple[str, str]] = {}
    names = set()
    for place, row in read_rows(path, (*_COLUMNS, *labels)):
        names.add(row["dataset_name"] or "")
        if row["dataset_name"] != dataset or row["SN_filter"] not in ("1", "1.0"):
            continue
        name, experiment = row["sequence_id"] or "", row["experiment_type"] or ""
        sequence, thymine = clean_sequence(row["sequence"] or "")
        wrong = sequence_problems(sequence) + ["sequence_id is empty"] * (not name)
        if experiment not in EXPERIMENTS:
            wrong.append(f"experiment_type is '{experiment}', expected {' or '.join(EXPERIMENTS)}")
        if experiment in found.get(name, {}):
            wrong.append(f"id {name} is there already for {experiment}")
        if sequences.setdefault(name, (sequence, place))[0] != sequence:
            wrong.append(f"id {name} has another sequence than at {sequences[name][1]}")
        profile, bad = _profile(row, labels, len(sequence))
        for what in wrong + bad:
            problems.add(place, what)
        if not wrong and not bad:
            found.setdefault(name, {})[experiment] = profile
            if thymine:
                notes.append(f"{place}: T read as U")
    if dataset not in names:
        raise InputError(
            f"{path}: has no sub-data-set '{shown(dataset)}'; "
            f"some that it has: {listed_columns(sorted(names))}"
        )
    whole = [name for name, profiles in found.items() if len(profiles) == len(EXPERIMENTS)]
    skipped = problems.finish(len(whole))
    if not whole:
        raise InputError(f"{path}: no molecule of '{dataset}' passes SN_filter in both experiments")
    records = []
    for name in tracked(whole, len(whole), "folding"):
        sequence, place = sequences[name]
        targets = np.stack([found[name][experiment] for experiment in EXPERIMENTS], axis=1)
        records.append(RnaRecord(name, sequence, fold(sequence), targets, None, place))
    return RnaData(tuple(records), EXPERIMENTS, "nucleotide", None, tuple(notes), skipped)


def _label_columns(path: str | Path) -> list[str]:
    """Columns reactivity_0001, reactivity_0002, ... in their order."""
    names = [n for n in column_names(path) if n.startswith("reactivity_") and n[11:].isdigit()]
    if not names:
        raise InputError(f"{path}: lacks the columns reactivity_0001, ...; expected Kaggle's train_data.csv")
    return sorted(names)


def _profile(row: dict[str, str | None], labels: list[str], length: int) -> tuple[np.ndarray, list[str]]:
    values = [parse_number(row[column]) for column in labels]
    bad = [column for column, value in zip(labels, values, strict=True) if value is None]
    if bad:
        return np.zeros(0), [f"{bad[0]} is '{row[bad[0]]}', expected a number ({len(bad)} in all)"]
    profile = np.array(values, dtype=float)
    if np.isfinite(profile[length:]).any():
        last = int(np.flatnonzero(np.isfinite(profile))[-1]) + 1
        return np.zeros(0), [f"has a reactivity at {last}, the sequence has {length} letters"]
    padded = np.full(length, np.nan)
    padded[: min(length, len(profile))] = profile[:length]
    return padded, []
