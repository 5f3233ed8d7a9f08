"""What ViennaRNA and biotite gave is kept, and serves a machine that has neither."""

import sys

import numpy as np
import pytest

from geometric_hyena.data.rna import kept_pairing
from geometric_hyena.data.rna.builder import build_sketch, build_sketches, ideal_residues
from geometric_hyena.data.rna.builder.ideal_residues import are_kept, ideal_residue, keep_ideal_residues
from geometric_hyena.data.rna.folding import pair_probabilities
from geometric_hyena.data.rna.kept_pairing import (
    is_kept_anywhere,
    keep_pair_probabilities,
    kept_pair_probabilities,
)
from geometric_hyena.errors import MissingDependencyError

pytest.importorskip("RNA")
pytest.importorskip("biotite")
SEQUENCE, STRUCTURE = "GGGAAACUUCGGUUUCCC", "((((((......))))))"


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def without_packages(monkeypatch):
    """Neither package, once called."""

    def gone():
        ideal_residue.cache_clear()
        for name in ("RNA", "biotite", "biotite.structure"):
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setattr(kept_pairing, "find_spec", lambda name: None)

    yield gone
    ideal_residue.cache_clear()


def test_probabilities_are_kept_to_the_bit(without_packages):
    exact = pair_probabilities(SEQUENCE)
    assert exact.max() > 0.5
    assert not is_kept_anywhere()
    keep_pair_probabilities([SEQUENCE, "A", SEQUENCE])
    assert is_kept_anywhere()
    without_packages()
    found = kept_pair_probabilities(SEQUENCE)
    assert found.dtype == exact.dtype
    assert np.array_equal(found, exact)
    assert np.array_equal(kept_pair_probabilities("A"), np.zeros((1, 1)))
    with pytest.raises(MissingDependencyError, match="viennarna"):
        kept_pair_probabilities("GGGAAACCC")


def test_what_another_version_folded_is_folded_again(monkeypatch):
    keep_pair_probabilities([SEQUENCE])
    monkeypatch.setattr(kept_pairing, "vienna_version", lambda: "99")
    monkeypatch.setattr(kept_pairing, "pair_probabilities", lambda sequence: np.eye(len(sequence)))
    assert np.array_equal(kept_pair_probabilities(SEQUENCE), np.eye(len(SEQUENCE)))
    keep_pair_probabilities([SEQUENCE])
    monkeypatch.setattr(kept_pairing, "pair_probabilities", None)
    assert np.array_equal(kept_pair_probabilities(SEQUENCE), np.eye(len(SEQUENCE), dtype=np.float32))


def test_probabilities_that_are_not_kept_are_computed():
    assert np.array_equal(kept_pair_probabilities(SEQUENCE), pair_probabilities(SEQUENCE))
    assert not is_kept_anywhere()


def test_sketches_without_biotite(without_packages):
    wanted = build_sketch(SEQUENCE, STRUCTURE)
    build_sketches([SEQUENCE], [STRUCTURE], ["one"])
    assert not are_kept()
    keep_ideal_residues()
    assert are_kept()
    without_packages()
    (found,) = build_sketches([SEQUENCE], [STRUCTURE], ["one"])
    assert found.sequence == SEQUENCE
    assert list(found.names) == list(wanted.names)
    assert list(found.elements) == list(wanted.elements)
    np.testing.assert_allclose(found.coordinates, wanted.coordinates, atol=1e-5)
    # another molecule than those kept can be built, too
    assert len(build_sketch("GGAAACC", "((...))").coordinates) > 7 * 19


def test_where_nothing_is_kept_the_package_is_named(without_packages):
    without_packages()
    with pytest.raises(MissingDependencyError, match="biotite"):
        ideal_residues.ideal_residue("A")
