"""Models whose tokens are put in another order first."""

import pytest
import torch

from equivariance.model_tests import chain
from geometric_hyena import GeometricHyena, collate
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricGraph
from geometric_hyena.models.serialised import Serialised
from geometric_hyena.testing import assert_batch_invariant, relative_error


def model():
    torch.manual_seed(0)
    return GeometricHyena(3, 1, hidden_dim=8, vector_channels=2, blocks=1).double()


def renumbered(graph, order):
    return GeometricGraph(graph.scalars[order], graph.positions[order], graph.vectors[order])


@pytest.mark.parametrize("order", ["axis", "curve"])
def test_output_does_not_depend_on_the_numbering_of_the_tokens(order):
    graph = chain(40)
    shuffle = torch.randperm(40, generator=torch.Generator().manual_seed(3))
    serialised, plain = Serialised(model(), order), model()
    with torch.no_grad():
        for wrapped, same in ((serialised, True), (plain, False)):
            given = wrapped(collate([chain(12), graph])).vectors[12:]
            other = wrapped(collate([chain(12), renumbered(graph, shuffle)])).vectors[12:]
            assert (relative_error(other, given[shuffle]) < 1e-10) == same


def test_natural_order_changes_nothing():
    batch = collate([chain(9), chain(14)])
    with torch.no_grad():
        assert torch.equal(Serialised(model(), "natural")(batch).vectors, model()(batch).vectors)


def test_random_order_varies_in_training_and_not_in_evaluation():
    serialised, batch = Serialised(model(), "random"), collate([chain(30)])
    with torch.no_grad():
        serialised.train()
        assert not torch.equal(serialised(batch).vectors, serialised(batch).vectors)
        serialised.eval()
        assert torch.equal(serialised(batch).vectors, serialised(batch).vectors)


@pytest.mark.parametrize("order", ["axis", "curve", "random", "displaced:0.5"])
def test_a_sequence_is_ordered_alike_whatever_shares_its_batch(order):
    assert_batch_invariant(Serialised(model(), order).eval(), [chain(20), chain(9), chain(20, seed=1)])


@pytest.mark.parametrize("order", ["sorted", "displaced:2", "displaced:x", ""])
def test_unknown_order_is_refused(order):
    with pytest.raises(InputError, match="order: expected"):
        Serialised(model(), order)
