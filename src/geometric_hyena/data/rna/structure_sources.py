"""A structure for every record of a data set: from files, or built."""

from collections.abc import Sequence
from pathlib import Path

from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.builder import build_sketches
from geometric_hyena.data.rna.problems import Problems
from geometric_hyena.data.rna.records import RnaRecord
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.errors import InputError


def structures_for(
    records: Sequence[RnaRecord],
    source: str | Path | StructureFiles | None = None,
    *,
    hydrogens: bool = False,
    skip_invalid: bool = False,
    processes: int = 2,
) -> tuple[list[RnaStructure | None], tuple[str, ...]]:
    """Structures of M records, each with exactly the nucleotides of its record.

    Args:
        records: M molecules.
        source: folder, archive or file with structures named by id; None: sketches are built.
        hydrogens: build hydrogens, where sketches are built.
        skip_invalid: give None for a record without a good structure, instead of an error.
        processes: how many build sketches at the same time.

    Returns:
        M structures (None where one was left out), and what was left out, a line each.

    Raises:
        InputError: naming all structures at once that are missing, broken or do not match their sequence.
    """
    if source is None:
        built = build_sketches(
            [r.sequence for r in records],
            [r.structure for r in records],
            [r.id for r in records],
            hydrogens=hydrogens,
            processes=processes,
        )
        return list(built), ()
    files = source if isinstance(source, StructureFiles) else StructureFiles(source)
    problems = Problems(skip_invalid)
    found: list[RnaStructure | None] = []
    for record in tracked(records, len(records), "reading structures"):
        try:
            found.append(files.read(record.id).within(record.sequence))
        except InputError as error:
            problems.add(f"{record.source or record.id}", str(error))
            found.append(None)
    return found, problems.finish(sum(s is not None for s in found))
