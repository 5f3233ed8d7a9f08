"""From a configuration to graphs with targets in three splits."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.builder import SKETCH_NOTE
from geometric_hyena.data.rna.builder.ideal_residues import keep_ideal_residues
from geometric_hyena.data.rna.config import RnaConfig, check_rna_config
from geometric_hyena.data.rna.graphs import feature_names, rna_graph
from geometric_hyena.data.rna.kept_pairing import keep_pair_probabilities, kept_pair_probabilities
from geometric_hyena.data.rna.reading import read_molecules
from geometric_hyena.data.rna.records import Level, RnaData, RnaRecord
from geometric_hyena.data.rna.splits import FRACTIONS, cluster_split, random_split
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.data.rna.structure_sources import structures_for
from geometric_hyena.data.splits import Splits, file_identity
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricGraph

_EXAMPLES = 3  # test molecules whose atoms are kept, to be looked at


@dataclass(frozen=True, eq=False)
class RnaSample:
    """A molecule with its graph; targets (N, T) or (1, T) float32, NaN where not measured."""

    record: RnaRecord
    graph: GeometricGraph
    target: Tensor


@dataclass(frozen=True, eq=False)
class RnaSamples(Splits[list[RnaSample]]):
    """Molecules; `identity` says what was left out, too.

    Attributes:
        target_names: names of the T targets.
        level: whether targets belong to nucleotides or to whole molecules.
        examples: structures of the first test molecules.
    """

    target_names: tuple[str, ...]
    level: Level
    examples: list[RnaStructure]


def load_rna(config: RnaConfig) -> RnaSamples:
    """Read measurements and structures, split them, and make graphs.

    Raises:
        InputError: for values, files and rows that cannot be used; rows and structures all at once.
        MissingDependencyError: where ViennaRNA or biotite is needed and not installed.
    """
    check_rna_config(config)
    files = None if config.structures is None else StructureFiles(config.structures)
    data, splittable = read_molecules(config, files)
    structures, left = structures_for(
        data.records, files, hydrogens=config.hydrogens, skip_invalid=config.skip_invalid
    )
    kept = [place for place, structure in enumerate(structures) if structure is not None]
    kind, split = _split(config, data, kept, splittable)
    parts: dict[str, list[RnaSample]] = {name: [] for name in FRACTIONS}
    examples: list[RnaStructure] = []
    part_of = {int(place): name for name, places in split.items() for place in places}
    for place in tracked(kept, len(kept), "making graphs"):
        if place not in part_of:
            continue
        record, structure = data.records[place], structures[place]
        assert structure is not None
        target = torch.from_numpy(record.targets.astype(np.float32))
        graph = graph_of(structure, record.structure, config)
        parts[part_of[place]].append(RnaSample(record, graph, target))
        if part_of[place] == "test" and len(examples) < _EXAMPLES:
            examples.append(structure)
    _check_measured(parts["train"], data.target_names)
    identity = {
        **dataclasses.asdict(config),
        "file": file_identity(config.file),
        **({} if config.test_path is None else {"test_file": file_identity(config.test_path)}),
        "structures": config.structures or SKETCH_NOTE,
        "level": data.level,
        "targets": list(data.target_names),
        "split": {"kind": kind, **{name: len(samples) for name, samples in parts.items()}},
        "tokens": sum(len(sample.graph) for samples in parts.values() for sample in samples),
        "notes": [*data.notes, *_known_sequences(parts)],
        "left_out": [*data.skipped, *left],
    }
    return RnaSamples(
        **parts, target_names=data.target_names, level=data.level, examples=examples, identity=identity
    )


def build_structures(config: RnaConfig) -> None:
    """Fill the cache with what `load_rna` will want and takes long: sketches, pair probabilities.

    With that cache `load_rna` does without ViennaRNA and biotite.

    Raises:
        InputError: for values, files and rows that cannot be used.
        MissingDependencyError: where ViennaRNA or biotite is needed and not installed.
    """
    check_rna_config(config)
    if config.structures is not None:
        return
    records = read_molecules(config, None)[0].records
    structures_for(records, hydrogens=config.hydrogens, skip_invalid=config.skip_invalid)
    keep_ideal_residues()
    if config.pair_probabilities:
        keep_pair_probabilities(record.sequence for record in records)


def graph_of(structure: RnaStructure, dot_bracket: str, config: RnaConfig) -> GeometricGraph:
    """The graph of a structure, as the configuration says."""
    probabilities = kept_pair_probabilities(structure.sequence) if config.pair_probabilities else None
    return rna_graph(
        structure,
        dot_bracket,
        config.representation,
        hydrogens=config.hydrogens,
        neighbors=config.neighbors,
        radius=config.radius,
        pair_probabilities=probabilities,
        context=config.context,
    )[0]


def scalar_features(config: RnaConfig) -> int:
    """S of the graphs of a configuration."""
    return len(feature_names(config.pair_probabilities, config.context))


def _split(
    config: RnaConfig, data: RnaData, known: Sequence[int], splittable: int
) -> tuple[str, dict[str, np.ndarray]]:
    """The kind of split, and the places of its parts among all records; from `splittable` on all are test."""
    kept = [place for place in known if place < splittable]
    kind = config.split or ("own" if data.splits else "random")
    if kind == "own":
        if data.splits is None:
            raise InputError("data.split: these data bring no split; give random or cluster")
        split = {name: np.intersect1d(data.splits[name], kept) for name in FRACTIONS}
    else:
        of_kept = (
            random_split(len(kept), config.split_seed)
            if kind == "random"
            else cluster_split([data.records[place].sequence for place in kept], config.split_seed)
        )
        split = {name: np.asarray(kept)[places] for name, places in of_kept.items()}
    if splittable < len(data):
        split["test"] = np.array([place for place in known if place >= splittable], dtype=int)
    empty = [name for name, places in split.items() if not len(places)]
    if empty:
        raise InputError(f"data.split: no molecule is left for {' and '.join(empty)}; give another split")
    return kind, split


def _known_sequences(parts: Mapping[str, Sequence[RnaSample]]) -> list[str]:
    """A line where test molecules have the sequence of a training molecule."""
    trained = {sample.record.sequence for sample in parts["train"]}
    known = sum(sample.record.sequence in trained for sample in parts["test"])
    return [f"{known} of {len(parts['test'])} test molecules have a training sequence"] if known else []


def _check_measured(train: Sequence[RnaSample], names: Sequence[str]) -> None:
    """Raise InputError unless every target was measured in a training molecule."""
    known = np.concatenate([sample.record.mask for sample in train])
    missing = [name for column, name in enumerate(names) if not known[:, column].any()]
    if missing:
        raise InputError(f"targets: {', '.join(missing)} was measured in no training molecule; leave it out")
