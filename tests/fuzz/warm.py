"""Imported once by the process from which the cases are forked: what takes seconds to import or to read."""

import importlib

for name in (
    "MDAnalysis.topology.core",
    "biotite.structure.io.pdb",
    "biotite.structure.io.pdbx",
    "geometric_hyena.data.protein_md",
    "geometric_hyena.data.rna.prediction_inputs",
    "geometric_hyena.data.rna.rhofold",
    "geometric_hyena.evaluation.metrics",
    "geometric_hyena.training.recall",
    "geometric_hyena.training.rna",
    "geometric_hyena.training.train",
    "pytest",
    "fuzz.readers",
):
    try:
        importlib.import_module(name)
    except ImportError:  # the tests that need it are skipped
        continue

try:
    from geometric_hyena.data.rna.builder.ideal_residues import ideal_residue
    from geometric_hyena.data.rna.structure_reader import _component_names, _parent

    # The dictionary of chemical components, of which nothing but these is used.
    for letter in "ACGU":
        ideal_residue(letter)
    _component_names(), _parent("PSU")
except ImportError:
    pass
