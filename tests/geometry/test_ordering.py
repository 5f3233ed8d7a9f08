"""Orders made from positions: invariant, complete, and near in the order means near in space."""

import pytest
import torch

from geometric_hyena.geometry.ordering import along_axis, along_curve, displaced, hilbert_index
from geometric_hyena.geometry.rotations import random_rotation


def cloud(count=200):
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(count, 3, generator=generator, dtype=torch.float64) ** 3
    return points * torch.tensor([3.0, 2.0, 1.0])


def test_hilbert_curve_visits_every_cell_by_single_steps():
    bits = 3
    axis = torch.arange(2**bits)
    cells = torch.cartesian_prod(axis, axis, axis)
    place = hilbert_index(cells, bits)
    assert sorted(place.tolist()) == list(range(8**bits))
    path = cells[place.argsort()]
    assert ((path[1:] - path[:-1]).abs().sum(dim=1) == 1).all()


@pytest.mark.parametrize("order", [along_axis, along_curve])
def test_order_is_invariant_under_rotation_and_translation(order):
    points = cloud()
    expected = order(points)
    assert sorted(expected.tolist()) == list(range(len(points)))
    for _ in range(5):
        moved = points @ random_rotation().T + 7
        assert torch.equal(order(moved), expected)


def test_order_follows_the_tokens_when_they_are_renumbered():
    points = cloud()
    shuffle = torch.randperm(len(points))
    assert torch.equal(shuffle[along_curve(points[shuffle])], along_curve(points))


def test_curve_keeps_neighbours_nearer_than_an_axis():
    points = cloud(2000)

    def step(order):
        path = points[order]
        return (path[1:] - path[:-1]).norm(dim=1).median()

    assert step(along_curve(points)) < 0.5 * step(along_axis(points))


def test_displaced_moves_no_more_than_the_fraction():
    generator = torch.Generator().manual_seed(0)
    order = displaced(1000, 0.3, generator)
    assert sorted(order.tolist()) == list(range(1000))
    moved = (order != torch.arange(1000)).sum()
    assert 280 <= moved <= 300
    assert torch.equal(displaced(10, 0.0, generator), torch.arange(10))


def test_coincident_points_have_an_order():
    assert sorted(along_curve(torch.zeros(4, 3)).tolist()) == [0, 1, 2, 3]
