"""Neighbour search against distances of all pairs; ties; what does not belong."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geometric_hyena.errors import InputError
from geometric_hyena.geometry import nearest_neighbors, random_rotation, sequence_neighbors
from geometric_hyena.geometry.neighbors import pack_neighbors


def by_all_pairs(positions, k, radius):
    distance = torch.cdist(positions, positions)
    distance.fill_diagonal_(float("inf"))
    sets = []
    for row in distance:
        near = row.sort().values
        limit = near[min(k, len(near)) - 1]
        sets.append({j for j, d in enumerate(row.tolist()) if d <= limit * (1 + 1e-5) and d <= radius})
    return sets


def as_sets(table):
    return [{j for j in row if j >= 0} for row in table.tolist()]


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 40),
    k=st.integers(1, 20),
    radius=st.floats(0.5, 6.0),
    seed=st.integers(0, 10**6),
)
def test_agrees_with_all_pairs(count, k, radius, seed):
    positions = 2 * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    table = nearest_neighbors(positions, k, radius)
    assert as_sets(table) == by_all_pairs(positions, k, radius)
    assert all(row == sorted(row) for row in ([j for j in r if j >= 0] for r in table.tolist()))


@pytest.mark.parametrize("k", [1, 3, 4, 6, 7, 13])
def test_ties_are_all_kept_so_that_a_lattice_may_turn(k):
    axis = torch.arange(4, dtype=torch.float64)
    lattice = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    table = nearest_neighbors(lattice, k, radius=3.0)
    for trial in range(3):
        rotation = random_rotation(torch.Generator().manual_seed(trial))
        assert torch.equal(nearest_neighbors(lattice @ rotation.T + 7, k, radius=3.0), table)
    assert as_sets(table) == by_all_pairs(lattice, k, 3.0)


def test_many_coincident_tokens():
    table = nearest_neighbors(torch.zeros(50, 3), k=3, radius=1.0)
    assert table.shape == (50, 49)
    assert all(i not in row for i, row in enumerate(table.tolist()))


def test_isolated_and_single_tokens_have_no_neighbours():
    assert nearest_neighbors(torch.tensor([[0.0, 0, 0], [100, 0, 0]])).shape == (2, 0)
    assert nearest_neighbors(torch.zeros(1, 3)).shape == (1, 0)


def test_along_the_sequence():
    assert as_sets(sequence_neighbors(4)) == [{1}, {0, 2}, {1, 3}, {2}]
    assert as_sets(sequence_neighbors(3, reach=5)) == [{1, 2}, {0, 2}, {0, 1}]
    assert as_sets(sequence_neighbors(1)) == [set()]


def test_packing_offsets_and_pads():
    packed = pack_neighbors([sequence_neighbors(3), sequence_neighbors(2)], [3, 2])
    assert packed.index.tolist() == [[0, 1], [0, 2], [1, 2], [3, 4], [3, 4]]
    assert packed.counts().tolist() == [1, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((torch.zeros(3, 2),), "positions: expected shape"),
        ((torch.tensor([[0.0, 0, 0], [0, float("nan"), 0]]),), "token 1 has a coordinate"),
        ((torch.zeros(3, 3), 0), "k: expected at least 1"),
        ((torch.zeros(3, 3), 1, 0.0), "radius: expected a positive"),
    ],
)
def test_bad_input(arguments, words):
    with pytest.raises(InputError, match=words):
        nearest_neighbors(*arguments)
