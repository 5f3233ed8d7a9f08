"""What `ghyena predict` reads for RNA: structures, and sequences that get a sketch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from geometric_hyena.data.protein_md.files import check_file
from geometric_hyena.data.rna.builder import build_sketches
from geometric_hyena.data.rna.fasta import SUFFIXES as FASTA
from geometric_hyena.data.rna.fasta import read_fasta
from geometric_hyena.data.rna.folding import fold
from geometric_hyena.data.rna.problems import Problems
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.structure_reader import SUFFIXES as STRUCTURES
from geometric_hyena.data.rna.structure_reader import read_structure
from geometric_hyena.errors import InputError

_FOLDED = "base pairs folded by ViennaRNA from the sequence"
_GIVEN = "base pairs as given"


@dataclass(frozen=True, eq=False)
class RnaInput:
    """A molecule to predict for.

    Attributes:
        structure: its atoms.
        dot_bracket: its base pairs.
        file: the name of its file.
        notes: how structure and base pairs came about, a line each.
    """

    structure: RnaStructure
    dot_bracket: str
    file: str
    notes: tuple[str, ...]


def read_inputs(files: Sequence[str], *, hydrogens: bool = False) -> list[RnaInput]:
    """Molecules of structure files (PDB, mmCIF, BinaryCIF) and FASTA files, in their order.

    Base pairs are those of the FASTA file, else folded from the sequence of every chain by ViennaRNA, as for
    training data without any. Sequences get a sketch as structure.

    Raises:
        InputError: naming everything that cannot be used, in all files at once.
        MissingDependencyError: where ViennaRNA or biotite is needed and not installed.
    """
    problems = Problems()
    found: list[RnaInput] = []
    for file in files:
        try:
            found += _read(file, hydrogens)
        except InputError as error:
            problems.found.append(str(error))
    names = [item.structure.name for item in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        where = " and ".join(dict.fromkeys(i.file for i in found if i.structure.name == name))
        problems.add(where, f"two molecules are called {name}; rename one")
    if len(problems.found) == 1:
        raise InputError(problems.found[0])
    problems.finish(len(found))
    return found


def _read(file: str, hydrogens: bool) -> list[RnaInput]:
    suffix = Path(file).suffix.lower()
    if suffix in FASTA:
        return _sketched(file, hydrogens)
    if suffix not in STRUCTURES:
        raise InputError(
            f"{file}: expected a structure ({', '.join(STRUCTURES)}) or FASTA ({', '.join(FASTA)})"
        )
    check_file(file, "a structure")
    structure = read_structure(Path(file).read_bytes(), file)
    try:
        pairs = "".join(fold(part) for part in _chains(structure))
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return [RnaInput(structure, pairs, Path(file).name, (*structure.notes, _FOLDED))]


def _sketched(file: str, hydrogens: bool) -> list[RnaInput]:
    records = read_fasta(file)
    pairs = [record.structure or fold(record.sequence) for record in records]
    sketches = build_sketches(
        [record.sequence for record in records],
        pairs,
        [record.name for record in records],
        hydrogens=hydrogens,
    )
    inputs = []
    for record, sketch, brackets in zip(records, sketches, pairs, strict=True):
        notes = [*sketch.notes, _GIVEN if record.structure else _FOLDED]
        if record.thymine:
            notes.append("T read as U")
        told = replace(sketch, notes=tuple(notes))
        inputs.append(RnaInput(told, brackets, Path(file).name, told.notes))
    return inputs


def _chains(structure: RnaStructure) -> list[str]:
    """The sequence of every chain."""
    starts = np.flatnonzero(structure.chains[1:] != structure.chains[:-1]) + 1
    return [structure.sequence[a:b] for a, b in pairwise([0, *starts.tolist(), len(structure)])]
