"""Predictions for RNA as tables: a row per nucleotide, and a row per molecule."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from geometric_hyena.data.rna.loop_types import loop_types
from geometric_hyena.data.rna.prediction_inputs import RnaInput
from geometric_hyena.data.rna.secondary_structure import nested_partners
from geometric_hyena.files import replacing

NUCLEOTIDE_COLUMNS = ("id", "position", "chain", "number", "nucleotide", "structure", "loop", "partner")
MOLECULE_COLUMNS = ("id", "file", "length", "sequence", "structure", "atoms", "notes")


def write_nucleotides(
    path: Path, molecules: Sequence[RnaInput], targets: Sequence[str], predicted: Sequence[np.ndarray]
) -> Path:
    """Write a CSV file with a row per nucleotide; `position` and `partner` count from 1.

    Args:
        path: the file, replaced as a whole.
        molecules: M of them.
        targets: names of the T targets.
        predicted: M arrays (N, T), NaN (an empty cell) for nucleotides without atoms.
    """
    rows: list[list[object]] = []
    for item, values in zip(molecules, predicted, strict=True):
        structure = item.structure
        partners = nested_partners(item.dot_bracket)
        loops = loop_types(item.dot_bracket)
        for i, letter in enumerate(structure.sequence):
            partner = int(partners[i]) + 1 or ""
            who = [structure.name, i + 1, structure.chains[i], structure.numbers[i], letter]
            rows.append([*who, item.dot_bracket[i], loops[i], partner, *map(_cell, values[i])])
    return _write(path, [*NUCLEOTIDE_COLUMNS, *targets], rows)


def write_molecules(
    path: Path, molecules: Sequence[RnaInput], targets: Sequence[str], predicted: Sequence[np.ndarray]
) -> Path:
    """Write a CSV file with a row per molecule; `atoms` says whether they are of a file or of a sketch.

    Args:
        path: the file, replaced as a whole.
        molecules: M of them.
        targets: names of the T columns.
        predicted: M arrays (T,).
    """
    rows = []
    for item, values in zip(molecules, predicted, strict=True):
        structure = item.structure
        who = [structure.name, item.file, len(structure), structure.sequence, item.dot_bracket]
        atoms = "sketch" if structure.sketch else "file"
        rows.append([*who, atoms, "; ".join(item.notes), *map(_cell, values)])
    return _write(path, [*MOLECULE_COLUMNS, *targets], rows)


def _cell(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path
