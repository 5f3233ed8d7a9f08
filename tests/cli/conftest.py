"""Adenylate kinase in small files."""

import warnings
from typing import NamedTuple

import numpy as np
import pytest

from training import small_runs


class Files(NamedTuple):
    """Alpha carbons of the first 60 residues: a topology, 30 and 25 frames, and both as arrays."""

    topology: str
    trajectory: str
    other: str
    coordinates: np.ndarray
    other_coordinates: np.ndarray


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Small files, quick to read; read only."""
    MDAnalysis = pytest.importorskip("MDAnalysis")
    datafiles = pytest.importorskip("MDAnalysisTests.datafiles")
    folder = tmp_path_factory.mktemp("files")
    universe = MDAnalysis.Universe(datafiles.PSF, datafiles.DCD)
    universe.add_TopologyAttr("elements", [name[0] for name in universe.atoms.names])
    group = universe.select_atoms(small_runs.SELECTION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writers fill in what a PSF does not say
        group.write(str(folder / "small.pdb"))
    coordinates = np.array([group.positions for _ in universe.trajectory[:55]])
    names = [str(folder / name) for name in ("small.pdb", "small.dcd", "other.dcd")]
    write_dcd(names[1], coordinates[:30])
    write_dcd(names[2], coordinates[30:])
    return Files(*names, coordinates[:30], coordinates[30:])


def write_dcd(path, coordinates):
    """Write (F, N, 3) as a DCD file by MDAnalysis."""
    import MDAnalysis

    universe = MDAnalysis.Universe.empty(coordinates.shape[1], trajectory=True)
    with warnings.catch_warnings(), MDAnalysis.Writer(str(path), coordinates.shape[1]) as writer:
        warnings.simplefilter("ignore")  # there is no box
        for frame in coordinates:
            universe.atoms.positions = frame
            writer.write(universe.atoms)
    return str(path)


@pytest.fixture(scope="session")
def dcd_writer():
    """`write_dcd`, for tests that make broken or moved trajectories."""
    return write_dcd
