"""Every reader of the project by name: what it is given, and how it is called."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fuzz import runs, starts


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Attributes:
        starts: (folder for whole files) -> whole files to break, name to content.
        read: (path of the broken file, that folder) -> anything; runs in a process of its own.
    """

    starts: Callable[[Path], dict[str, bytes]]
    read: Callable[[Path, Path], object]


def trajectory(path: Path, folder: Path) -> object:
    from geometric_hyena.data.protein_md import load_trajectory

    return load_trajectory(str(folder / "whole.pdb"), [str(path)], "all")


def topology(path: Path, folder: Path) -> object:
    from geometric_hyena.data.protein_md import atom_features, load_trajectory

    loaded = load_trajectory(str(path), [str(folder / "whole.dcd")], "all")
    return atom_features(loaded.atoms)


def prmtop(path: Path, folder: Path) -> object:
    from geometric_hyena.data.protein_md.mdanalysis_reader import open_topology, select_atoms

    return select_atoms(open_topology(str(path)), str(path), "all")


def protein(path: Path, folder: Path) -> object:
    from geometric_hyena.data.protein_md import ProteinMDConfig, frames_for_prediction

    dataset, _, _ = frames_for_prediction(ProteinMDConfig(selection="all", velocities=False), str(path))
    return dataset[0]


def rna(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna.config import RnaConfig
    from geometric_hyena.data.rna.dataset import graph_of
    from geometric_hyena.data.rna.prediction_inputs import read_inputs

    return [graph_of(i.structure, i.dot_bracket, RnaConfig()) for i in read_inputs([str(path)])]


def fasta(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna.fasta import read_fasta
    from geometric_hyena.data.rna.folding import fold

    return [record.structure or fold(record.sequence) for record in read_fasta(path)]


def labels(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna import load_table

    return load_table(path)


def open_vaccine(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna import load_open_vaccine

    return load_open_vaccine(path)


def ribonanza(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna import load_ribonanza

    return load_ribonanza(path, smallest=1)


def tc_ribo(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna import load_tc_ribo

    return load_tc_ribo(path)


def pairs(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna.rhofold import read_ct

    return read_ct(path, starts.hairpins(1)[0][1])


def archive(path: Path, folder: Path) -> object:
    from geometric_hyena.data.rna.structure_files import StructureFiles

    files = StructureFiles(path)
    return [files.read(name) for name in files.members]


READERS: dict[str, Reader] = {
    "dcd": Reader(partial(starts.trajectory, suffix=".dcd"), trajectory),
    "trr": Reader(partial(starts.trajectory, suffix=".trr"), trajectory),
    "xtc": Reader(partial(starts.trajectory, suffix=".xtc"), trajectory),
    "xyz": Reader(partial(starts.trajectory, suffix=".xyz"), trajectory),
    "netcdf": Reader(partial(starts.trajectory, suffix=".ncdf"), trajectory),
    "psf": Reader(partial(starts.topology, suffix=".psf"), topology),
    "gro": Reader(partial(starts.topology, suffix=".gro"), topology),
    "prmtop": Reader(partial(starts.topology, suffix=".prmtop"), prmtop),
    "protein-pdb": Reader(starts.protein_pdb, protein),
    "protein-mmcif": Reader(lambda folder: starts.rna_files(".cif"), protein),
    "protein-binarycif": Reader(lambda folder: starts.rna_files(".bcif"), protein),
    "rna-pdb": Reader(lambda folder: starts.rna_files(".pdb"), rna),
    "rna-mmcif": Reader(lambda folder: starts.rna_files(".cif"), rna),
    "rna-binarycif": Reader(lambda folder: starts.rna_files(".bcif"), rna),
    "archive": Reader(lambda folder: starts.archives(), archive),
    "fasta": Reader(lambda folder: starts.fasta(), fasta),
    "connectivity": Reader(lambda folder: starts.connectivity_table(), pairs),
    "labels": Reader(starts.labels_csv, labels),
    "open-vaccine": Reader(lambda folder: starts.open_vaccine_json(), open_vaccine),
    "ribonanza": Reader(lambda folder: starts.ribonanza_csv(), ribonanza),
    "tc-ribo": Reader(lambda folder: starts.tc_ribo_csv(), tc_ribo),
    "configuration": Reader(runs.configurations, runs.read_configuration),
    "run-directory": Reader(runs.run_files, runs.read_run),
    "weights": Reader(runs.weights, runs.use_run),
    "checkpoint": Reader(runs.checkpoints, runs.resume),
}

# Of MDAnalysis alone, and seldom given: in `make test-all` only.
_SELDOM = (".trz", ".coor", ".crd", ".gro", ".pdbqt", ".mdcrd", ".lammpsdump")
SELDOM = {
    f"frames{suffix}": Reader(partial(starts.trajectory, suffix=suffix), trajectory) for suffix in _SELDOM
}
