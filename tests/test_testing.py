"""The checks that users' models are tested with find what they are for."""

import math
from types import SimpleNamespace

import pytest

from equivariance.model_tests import chain
from geometric_hyena.testing import assert_batch_invariant, assert_equivariant


def answers(scalars=None, vectors=None, positions=None):
    return SimpleNamespace(scalars=scalars, vectors=vectors, positions=positions)


def test_what_commutes_passes():
    assert_equivariant(lambda b: answers(b.scalars, b.vectors, b.positions), [chain(5)])


@pytest.mark.parametrize(
    "model",
    [
        lambda b: answers(b.positions, b.vectors, b.positions),  # rotates
        lambda b: answers(b.scalars, b.vectors, 2 * b.positions),  # shifts too far
        lambda b: answers(b.scalars, b.vectors * math.nan, b.positions * math.nan),
    ],
)
def test_what_does_not_fails(model):
    with pytest.raises(AssertionError, match="relative equivariance error"):
        assert_equivariant(model, [chain(5)])


def test_what_says_nothing_is_no_model():
    with pytest.raises(ValueError, match="gives neither scalars nor vectors nor positions"):
        assert_equivariant(lambda b: answers(), [chain(5)])


def test_what_looks_at_its_neighbours_in_the_batch_fails():
    with pytest.raises(AssertionError, match="alone and in a batch"):
        assert_batch_invariant(lambda b: answers(b.scalars - b.scalars.mean(dim=0)), [chain(5), chain(7)])
