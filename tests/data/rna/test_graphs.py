"""RNA as graphs: tokens, features, neighbours and base pairs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("biotite")

from geometric_hyena.data.rna import (
    EDGE_FEATURES,
    RNA_FEATURES,
    build_sketch,
    feature_names,
    rna_graph,
)
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import collate, random_rotation

SEQUENCE, STRUCTURE = "GGGAAACCCU", "(((...)))."


@pytest.fixture(scope="module")
def sketch():
    return build_sketch(SEQUENCE, STRUCTURE, hydrogens=True)


def column(graph, name):
    return graph.scalars[:, feature_names().index(name)]


def test_backbone(sketch):
    graph, nucleotide = rna_graph(sketch, STRUCTURE, "backbone")
    assert graph.scalars.shape == (30, RNA_FEATURES) == (30, len(feature_names()))
    assert nucleotide.tolist() == [i for i in range(10) for _ in range(3)]
    assert column(graph, "element_P").tolist() == [1.0, 0.0, 0.0] * 10
    assert column(graph, "nucleotide_A").reshape(10, 3)[:, 0].tolist() == [0] * 3 + [1] * 3 + [0] * 4
    assert column(graph, "loop_H").reshape(10, 3)[:, 2].tolist() == [0] * 3 + [1] * 3 + [0] * 4
    assert column(graph, "partner_C").reshape(10, 3)[:, 1].tolist() == [1] * 3 + [0] * 7
    assert column(graph, "has_eta").reshape(10, 3)[:, 0].tolist() == [0.0] + [1.0] * 8 + [0.0]


def test_all_atoms_with_and_without_hydrogens(sketch):
    heavy, _ = rna_graph(sketch, STRUCTURE, "all-atom")
    every, _ = rna_graph(sketch, STRUCTURE, "all-atom", hydrogens=True)
    assert len(heavy) == int((sketch.elements != "H").sum())
    assert len(every) == len(sketch.names)
    assert column(heavy, "element_H").sum() == 0


@pytest.mark.parametrize("representation", ["backbone", "all-atom"])
@pytest.mark.parametrize("radius", [4.0, 12.0])
def test_base_pairs_are_edges_whatever_the_radius(sketch, representation, radius):
    graph, nucleotide = rna_graph(sketch, STRUCTURE, representation, radius=radius)
    assert graph.edge_features.shape == (*graph.neighbors.shape, EDGE_FEATURES)
    rows, columns = torch.nonzero(graph.edge_features[..., 0], as_tuple=True)
    ends = {
        (int(nucleotide[i]), int(nucleotide[graph.neighbors[i, k]]))
        for i, k in zip(rows, columns, strict=True)
    }
    assert ends == {(0, 8), (1, 7), (2, 6), (8, 0), (7, 1), (6, 2)}
    assert len(rows) == 6
    # No neighbour twice, and none of a token to itself.
    for token, row in enumerate(graph.neighbors):
        real = row[row >= 0].tolist()
        assert real == sorted(set(real) - {token})


def test_edges_along_the_chain(sketch):
    graph, nucleotide = rna_graph(sketch, STRUCTURE, "backbone")
    real = graph.neighbors >= 0
    step = nucleotide[graph.neighbors] - nucleotide[:, None]
    for place, towards_3_end in enumerate((-2, -1, 0, 1, 2), start=1):
        expected = (step == towards_3_end) & real
        assert expected.any()
        assert torch.equal(graph.edge_features[..., place] > 0, expected)


def test_no_edge_steps_over_the_end_of_a_chain(sketch):
    """Of two copies side by side, the second starts next to where the first ends."""
    apart = (sketch.coordinates + np.array([5, 0, 0])).astype(np.float32)
    numbers = np.concatenate([sketch.residue, sketch.residue + len(STRUCTURE)])
    both = replace(
        sketch,
        sequence=2 * sketch.sequence,
        chains=np.repeat(["A", "B"], len(STRUCTURE)),
        numbers=np.tile(sketch.numbers, 2),
        names=np.tile(sketch.names, 2),
        elements=np.tile(sketch.elements, 2),
        coordinates=np.concatenate([sketch.coordinates, apart]),
        residue=numbers,
    )
    graph, nucleotide = rna_graph(both, 2 * STRUCTURE, "backbone")
    own, other = (nucleotide >= len(STRUCTURE)), (nucleotide[graph.neighbors] >= len(STRUCTURE))
    across = (own[:, None] != other) & (graph.neighbors >= 0)
    assert across.any()
    assert graph.edge_features[across][:, 1:].sum() == 0


def test_context_is_what_nucleotides_near_have_of_the_same_strand(sketch):
    probabilities = np.random.default_rng(0).random((10, 10)).astype(np.float32)
    plain, _ = rna_graph(sketch, STRUCTURE, "backbone", pair_probabilities=probabilities)
    told, _ = rna_graph(sketch, STRUCTURE, "backbone", pair_probabilities=probabilities, context=2)
    names = feature_names(pairing=True, context=2)
    assert told.scalars.shape == (30, len(names))
    assert torch.equal(told.scalars[:, : plain.scalars.shape[1]], plain.scalars)
    own = {name: plain.scalars[::3, i] for i, name in enumerate(feature_names(pairing=True))}
    for step in (-2, -1, 1, 2):
        for name in ("nucleotide_A", "loop_H", "partner_C", "pairs_with_G"):
            near = told.scalars[::3, names.index(f"{name}_at_{step:+d}")]
            expected = torch.zeros(10)
            inside = slice(max(0, -step), min(10, 10 - step))
            expected[inside] = own[name][max(0, step) : min(10, 10 + step)]
            assert expected.any()
            assert torch.equal(near, expected)
    far = np.where(sketch.residue[:, None] < 5, 0, 50).astype(np.float32)
    apart = replace(sketch, coordinates=sketch.coordinates + far)
    strands, _ = rna_graph(apart, STRUCTURE, "backbone", context=1)
    letters = [feature_names(context=1).index(f"nucleotide_{x}_at_+1") for x in "ACGU"]
    assert strands.scalars[::3, letters].sum(dim=1).tolist() == [1] * 4 + [0] + [1] * 4 + [0]


def test_features_are_invariant(sketch):
    rotation = random_rotation(torch.Generator().manual_seed(0)).numpy()
    moved = replace(sketch, coordinates=(sketch.coordinates @ rotation.T + 7).astype(np.float32))
    (one, _), (other, _) = (rna_graph(s, STRUCTURE, "backbone") for s in (sketch, moved))
    assert torch.allclose(one.scalars, other.scalars, atol=1e-4)
    assert torch.equal(one.neighbors, other.neighbors)


def test_graphs_of_different_lengths_pack(sketch):
    short, _ = rna_graph(build_sketch("GA", ".."), "..", "backbone")
    long, _ = rna_graph(sketch, STRUCTURE, "backbone")
    batch = collate([short, long])
    assert batch.lengths.tolist() == [6, 30]
    assert batch.edge_features.shape[2] == EDGE_FEATURES


def test_missing_nucleotides_have_no_tokens(sketch):
    there = sketch.residue != 4
    gap = replace(
        sketch,
        coordinates=sketch.coordinates[there],
        names=sketch.names[there],
        elements=sketch.elements[there],
        residue=sketch.residue[there],
    )
    graph, nucleotide = rna_graph(gap, STRUCTURE, "backbone")
    assert sorted(set(nucleotide.tolist())) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert torch.isfinite(graph.scalars).all()


def test_bad_input(sketch):
    with pytest.raises(InputError, match="backbone or all-atom"):
        rna_graph(sketch, STRUCTURE, "beads")
    with pytest.raises(InputError, match="10 nucleotides, but 3"):
        rna_graph(sketch, "...", "backbone")
