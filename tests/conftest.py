"""Runs and data that several tests share; made once."""

import signal

import pytest

from training import small_runs


@pytest.fixture
def heard_signals():
    """Signals that a test sends itself are heard, also where nohup or a shell has all tests ignore them."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


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
