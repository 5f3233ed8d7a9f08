"""A structure as the report shows it: three beads a nucleotide."""

import numpy as np

from geometric_hyena.data.rna import SKETCH_NOTE, RnaStructure, loop_types
from geometric_hyena.data.rna.representations import tokens
from geometric_hyena.data.rna.secondary_structure import nested_partners
from geometric_hyena.report.atoms import Atoms
from geometric_hyena.report.rna_molecule import Molecule


def shown_molecule(structure: RnaStructure, dot_bracket: str) -> Molecule:
    """The molecule of a structure, with P, C4' and N9 or N1 as its atoms."""
    beads = tokens(structure, "backbone")
    letters = np.array(list(structure.sequence))
    atoms = Atoms(
        structure.numbers[beads.nucleotide],
        letters[beads.nucleotide],
        structure.chains[beads.nucleotide],
        structure.names[beads.atoms],
    )
    sketch = f"The structure shown is {SKETCH_NOTE}."
    return Molecule(
        name=structure.name,
        sequence=structure.sequence,
        brackets=dot_bracket,
        loops=loop_types(dot_bracket),
        partners=nested_partners(dot_bracket),
        chain_starts=np.flatnonzero(structure.chains[1:] != structure.chains[:-1]) + 1,
        atoms=atoms,
        positions=structure.coordinates[beads.atoms],
        nucleotide=beads.nucleotide,
        remarks=(sketch,) if structure.sketch else tuple(f"Structure: {note}." for note in structure.notes),
    )
