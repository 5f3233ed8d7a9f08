"""The shared runs."""

import pytest

from training import small_runs


@pytest.fixture(scope="session")
def moving_run(tmp_path_factory):
    """A run trained with velocities."""
    pytest.importorskip("MDAnalysisTests")
    return small_runs.moving_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def still_run(tmp_path_factory):
    """A run trained without velocities."""
    pytest.importorskip("MDAnalysisTests")
    return small_runs.still_run(tmp_path_factory.getbasetemp())
