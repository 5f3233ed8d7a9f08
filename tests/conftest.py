"""Runs that several tests share; trained once."""

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
