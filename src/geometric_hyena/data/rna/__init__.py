"""RNA: sequences, structures and measurements, as geometric graphs with labels."""

from geometric_hyena.data.rna.builder import SKETCH_NOTE, build_sketch, build_sketches
from geometric_hyena.data.rna.graphs import EDGE_FEATURES, RNA_FEATURES, feature_names, rna_graph
from geometric_hyena.data.rna.loop_types import LOOP_TYPES, loop_types
from geometric_hyena.data.rna.open_vaccine import load_open_vaccine
from geometric_hyena.data.rna.records import RnaData, RnaRecord
from geometric_hyena.data.rna.ribonanza import load_ribonanza
from geometric_hyena.data.rna.splits import cluster_split, random_split
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.data.rna.structure_sources import structures_for
from geometric_hyena.data.rna.tables import load_table
from geometric_hyena.data.rna.tc_ribo import load_tc_ribo

__all__ = [
    "EDGE_FEATURES",
    "LOOP_TYPES",
    "RNA_FEATURES",
    "SKETCH_NOTE",
    "RnaData",
    "RnaRecord",
    "RnaStructure",
    "StructureFiles",
    "build_sketch",
    "build_sketches",
    "cluster_split",
    "feature_names",
    "load_open_vaccine",
    "load_ribonanza",
    "load_table",
    "load_tc_ribo",
    "loop_types",
    "random_split",
    "rna_graph",
    "structures_for",
]
