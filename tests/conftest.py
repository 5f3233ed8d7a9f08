"""Runs and data that several tests share; made once."""

import pytest

from training import small_runs


@pytest.fixture(scope="session")
def moving_run(tmp_path_factory):
    """A run trained with velocities; read only."""
    pytest.importorskip("MDAnalysisTests")
    return small_runs.moving_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def still_run(tmp_path_factory):
    """A run trained without velocities; read only."""
    pytest.importorskip("MDAnalysisTests")
    return small_runs.still_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def rna_cache(tmp_path_factory):
    """A cache directory that has the sketches of `small_rna.hairpins`."""
    from training import small_rna

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GHYENA_CACHE", str(tmp_path_factory.getbasetemp() / "rna-cache"))
        small_rna.build_here()
        yield


@pytest.fixture(scope="module")
def nucleotide_labels(tmp_path_factory):
    """A table with labels per nucleotide; read only."""
    from training import small_rna

    return small_rna.nucleotide_table(tmp_path_factory.mktemp("labels") / "labels.csv")
