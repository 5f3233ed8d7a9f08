"""Your own measurements: a CSV table with labels, and sequences in it or in structures beside it.

Per molecule, a row each:       id, sequence, structure, and a column per target.
Per nucleotide, a row each:     id, position (from 1), sequence, structure, and a column per target.

`sequence` may be left out where structures are given, `structure` (dot-bracket) always: then it is folded.
Rows per nucleotide may repeat both or give them in one of the molecule's rows alone. Columns are found by
name; all others are targets, or those that are asked for. Empty cells are not measured.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.csv_rows import column_names, listed_columns, parse_number, read_rows
from geometric_hyena.data.rna.folding import fold
from geometric_hyena.data.rna.problems import Problems, clean_sequence, sequence_problems
from geometric_hyena.data.rna.records import RnaData, RnaRecord
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.errors import InputError

# What a column may be called, the first of them in messages.
_NAMES = {
    "id": ("id", "name", "molecule", "sequence_id"),
    "position": ("position", "pos", "nucleotide_number", "seqpos"),
    "sequence": ("sequence", "seq"),
    "structure": ("structure", "dot_bracket", "dotbracket", "secondary_structure"),
    "split": ("split",),
}
_SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


@dataclass
class _Molecule:
    place: str
    sequence: str = ""
    structure: str = ""
    split: str = ""
    values: dict[int, list[float]] = field(default_factory=dict)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def load_table(
    path: str | Path,
    *,
    targets: tuple[str, ...] = (),
    structures: StructureFiles | None = None,
    skip_invalid: bool = False,
) -> RnaData:
    """Read a table of labels, per nucleotide where it has a column `position`, else per molecule.

    Args:
        path: of the CSV file.
        targets: columns to predict; none: every column that has no other meaning.
        structures: files named by id, which give the sequences that the table lacks.
        skip_invalid: leave bad molecules out and list them, instead of an error.

    Raises:
        InputError: naming all bad rows at once.
        MissingDependencyError: where ViennaRNA is needed and not installed.
    """
    columns = _find_columns(path, targets)
    names = columns.pop("targets")
    level = "nucleotide" if "position" in columns else "molecule"
    notes: list[str] = []
    molecules: dict[str, _Molecule] = {}
    problems = Problems(skip_invalid)
    for place, row in read_rows(path, (*columns.values(), *names)):
        told = {key: (row[column] or "").strip() for key, column in columns.items()}
        if not told["id"]:
            problems.add(place, f"{columns['id']} is empty")
            continue
        molecule = molecules.get(told["id"])
        if molecule is not None and level == "molecule":
            molecule.wrong.append((place, f"id {told['id']} is there already, at {molecule.place}"))
            continue
        if molecule is None:
            molecule = molecules[told["id"]] = _Molecule(place)
        _take(molecule, place, told, [row[name] for name in names], list(names), notes)
    _complete(molecules, structures, "sequence" in columns, notes)
    records, splits = [], []
    good = []
    for name, molecule in molecules.items():
        _check(molecule, level)
        for place, what in molecule.wrong:
            problems.add(place, what)
        if not molecule.wrong:
            good.append(name)
    skipped = problems.finish(len(good))
    if not good:
        raise InputError(f"{path}: has no rows below its header")
    unfolded = [name for name in good if not molecules[name].structure]
    for name in tracked(unfolded, len(unfolded), "folding"):
        molecules[name].structure = fold(molecules[name].sequence)
    if unfolded:
        notes.append(f"{len(unfolded)} structures folded by ViennaRNA")
    for name in good:
        molecule = molecules[name]
        count = len(molecule.sequence) if level == "nucleotide" else 1
        values = np.full((count, len(names)), np.nan)
        for position, given in molecule.values.items():
            values[position - 1] = given
        records.append(RnaRecord(name, molecule.sequence, molecule.structure, values, None, molecule.place))
        splits.append(molecule.split)
    nowhere = [name for name, split in zip(good, splits, strict=True) if not split]
    if "split" in columns and nowhere:
        shown = ", ".join(nowhere[:5]) + (", ..." if len(nowhere) > 5 else "")
        notes.append(f"{len(nowhere)} molecules have no split and are left out where it is used: {shown}")
    own = {s: np.flatnonzero(np.array(splits) == s) for s in ("train", "validation", "test")}
    return RnaData(
        tuple(records), tuple(names), level, own if "split" in columns else None, tuple(notes), skipped
    )


def _find_columns(path: str | Path, targets: tuple[str, ...]) -> dict:
    header = column_names(path)
    lower = {name.strip().lower(): name for name in header}
    found: dict = {}
    for key, names in _NAMES.items():
        present = [lower[name] for name in names if name in lower]
        if present:
            found[key] = present[0]
    if "id" not in found:
        raise InputError(f"{path}: lacks a column 'id'; it has {listed_columns(header)}")
    taken = set(found.values())
    missing = [name for name in targets if name not in header]
    if missing:
        raise InputError(
            f"{path}: lacks the target column {', '.join(missing)}; it has {listed_columns(header)}"
        )
    # A column without a name is the index that pandas writes.
    found["targets"] = tuple(targets) or tuple(n for n in header if n not in taken and n.strip())
    if not found["targets"]:
        raise InputError(f"{path}: has no column with labels beside {', '.join(sorted(taken))}")
    return found


def _take(
    molecule: _Molecule,
    place: str,
    told: dict[str, str],
    cells: list[str | None],
    names: list[str],
    notes: list[str],
) -> None:
    """Add one row to its molecule."""
    sequence, thymine = clean_sequence(told.get("sequence", ""))
    if thymine and not molecule.sequence:
        notes.append(f"{place}: T read as U")
    for key, value in (("sequence", sequence), ("structure", told.get("structure", ""))):
        known = getattr(molecule, key)
        if value and known and value != known:
            molecule.wrong.append((place, f"another {key} than at {molecule.place}"))
        setattr(molecule, key, known or value)
    split = told.get("split", "")
    if split and split.lower() not in _SPLITS:
        molecule.wrong.append((place, f"split is '{split}', expected train, validation or test"))
    named = _SPLITS.get(split.lower(), "")
    if named and molecule.split not in ("", named):
        molecule.wrong.append((place, f"another split than at {molecule.place}"))
    molecule.split = molecule.split or named
    position = 1
    if "position" in told:
        digits = told["position"]
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 10 and int(digits) > 0):
            molecule.wrong.append((place, f"position is '{told['position']}', expected a number from 1"))
            return
        position = int(told["position"])
    if position in molecule.values:
        molecule.wrong.append((place, f"position {position} is there already"))
        return
    values = [parse_number(cell) for cell in cells]
    for name, cell, value in zip(names, cells, values, strict=True):
        if value is None or (np.isnan(value) and (cell or "").strip()):
            molecule.wrong.append(
                (place, f"{name} is '{cell}', expected a number, or nothing where not measured")
            )
            return
    molecule.values[position] = [value for value in values if value is not None]


def _complete(
    molecules: dict[str, _Molecule], structures: StructureFiles | None, has_sequence: bool, notes: list[str]
) -> None:
    """Take sequences that the table lacks from the structures."""
    for name, molecule in molecules.items():
        if molecule.sequence:
            continue
        if structures is None:
            where = "the column is empty" if has_sequence else "there is no column 'sequence'"
            molecule.wrong.append(
                (molecule.place, f"{name} has no sequence ({where}, and no structures are given)")
            )
            continue
        try:
            found = structures.read(name)
        except InputError as error:
            molecule.wrong.append((molecule.place, str(error)))
            continue
        if "N" in found.sequence:
            molecule.wrong.append(
                (molecule.place, f"{name} has a nucleotide of unknown parent; give its sequence in the table")
            )
            continue
        molecule.sequence = found.sequence


def _check(molecule: _Molecule, level: str) -> None:
    """Note what can be seen only when all rows of a molecule are there."""
    if molecule.sequence:
        for what in sequence_problems(molecule.sequence, molecule.structure or None):
            molecule.wrong.append((molecule.place, what))
    beyond = [position for position in molecule.values if position > len(molecule.sequence)]
    if level == "nucleotide" and molecule.sequence and beyond:
        molecule.wrong.append(
            (
                molecule.place,
                f"labels up to position {max(beyond)}, the sequence has {len(molecule.sequence)} letters",
            )
        )
    if molecule.values and not np.isfinite(list(molecule.values.values())).any():
        molecule.wrong.append((molecule.place, "has no label at all"))
