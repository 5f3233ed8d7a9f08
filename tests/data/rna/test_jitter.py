"""Noise on training positions: other in every epoch, the same for a seed, none where none is asked for."""

import numpy as np
import pytest
import torch

from geometric_hyena.data.rna.builder import build_sketch
from geometric_hyena.data.rna.dataset import RnaSample
from geometric_hyena.data.rna.graphs import rna_graph
from geometric_hyena.data.rna.jitter import Jittered
from geometric_hyena.data.rna.records import RnaRecord


@pytest.fixture(scope="module")
def samples():
    made = []
    for sequence, structure in (("GGGAAACCC", "(((...)))"), ("GCGAAAGC", "((....))")):
        graph, _ = rna_graph(build_sketch(sequence, structure), structure, "backbone")
        record = RnaRecord(sequence, sequence, structure, np.zeros((len(sequence), 1)))
        made.append(RnaSample(record, graph, torch.zeros(len(sequence), 1)))
    return made


def test_positions_move_by_the_deviation_and_nothing_else(samples):
    jittered = Jittered(samples, 0.5, seed=0)
    moves = []
    for epoch in range(40):
        jittered.set_epoch(epoch)
        found = jittered[0]
        moves.append(found.graph.positions - samples[0].graph.positions)
        assert torch.equal(found.graph.neighbors, samples[0].graph.neighbors)
        assert torch.equal(found.graph.scalars, samples[0].graph.scalars)
        assert found.record is samples[0].record
    assert torch.stack(moves).std() == pytest.approx(0.5, rel=0.1)


def test_epochs_and_molecules_differ_and_seeds_repeat(samples):
    one, same, other = (Jittered(samples, 1.0, seed) for seed in (3, 3, 4))
    first = one[0].graph.positions
    assert torch.equal(first, same[0].graph.positions)
    assert not torch.equal(first, other[0].graph.positions)
    one.set_epoch(1)
    assert not torch.equal(first, one[0].graph.positions)
    start = samples[0].graph.positions[:4]
    assert not torch.allclose(first[:4] - start, same[1].graph.positions[:4] - samples[1].graph.positions[:4])


def test_without_a_deviation_all_is_as_it_was(samples):
    assert Jittered(samples, 0.0, seed=0)[1] is samples[1]
