"""Adenylate kinase of MDAnalysisTests, read once."""

import warnings

import pytest

from geometric_hyena.data.protein_md import ProteinMDConfig, load_protein_md, load_trajectory
from geometric_hyena.data.protein_md.mdanalysis_reader import embedded_files


@pytest.fixture(scope="session")
def adk_files():
    pytest.importorskip("MDAnalysis")
    pytest.importorskip("MDAnalysisTests")
    return embedded_files()


@pytest.fixture(scope="session")
def adk(adk_files):
    return load_trajectory(adk_files[0], [adk_files[1]], "backbone")


@pytest.fixture(scope="session")
def adk_data():
    return load_protein_md(ProteinMDConfig())


@pytest.fixture(scope="session")
def adk_pdb(adk_files, tmp_path_factory):
    """One frame of the whole protein as a PDB file, written by MDAnalysis."""
    import MDAnalysis

    path = tmp_path_factory.mktemp("pdb") / "adk.pdb"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer fills in what a PSF does not say
        MDAnalysis.Universe(adk_files[0], adk_files[1]).atoms.write(str(path))
    return str(path)
