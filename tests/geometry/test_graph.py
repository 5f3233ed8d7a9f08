"""Graphs and batches: packing, splitting, checks, PyTorch Geometric."""

import pickle

import pytest
import torch

from geometric_hyena import GeometricGraph, InputError, collate
from geometric_hyena.geometry import sequence_neighbors


def graph(count, **changes):
    settings = {"scalars": torch.randn(count, 2), "positions": torch.randn(count, 3), **changes}
    return GeometricGraph(**settings)


def test_batch_packs_and_splits():
    graphs = [graph(4, vectors=torch.randn(4, 2, 3)), graph(1, vectors=torch.randn(1, 2, 3))]
    batch = collate(graphs)
    assert batch.scalars.shape == (5, 2)
    assert batch.vectors.shape == (5, 2, 3)
    assert batch.lengths.tolist() == [4, 1]
    parts = batch.split(batch.positions)
    assert all(torch.equal(p, g.positions) for p, g in zip(parts, graphs, strict=True))


def test_edge_features_follow_their_neighbours():
    edges = torch.randn(3, 2, 5)
    wide = graph(4, neighbors=sequence_neighbors(4, reach=2), edge_features=torch.randn(4, 4, 5))
    batch = collate([graph(3, neighbors=sequence_neighbors(3), edge_features=edges), wide])
    assert batch.edge_features.shape == (7, 4, 5)
    assert torch.equal(batch.edge_features[:3, :2], edges)
    assert not batch.edge_features[:3, 2:].any()


def test_neighbours_given_are_kept():
    batch = collate([graph(5, neighbors=sequence_neighbors(5))])
    assert batch.neighbors.counts().tolist() == [1, 2, 2, 2, 1]


def test_dtype_and_pickle():
    batch = collate([graph(3)]).to(dtype=torch.float64)
    assert batch.positions.dtype == torch.float64
    assert torch.equal(pickle.loads(pickle.dumps(batch)).positions, batch.positions)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scalars": torch.zeros(4)}, r"scalars: expected shape \(N, S\)"),
        ({"scalars": torch.zeros(0, 2)}, "scalars: expected shape"),
        ({"positions": torch.zeros(3, 3)}, r"positions: expected shape \(4, 3\)"),
        ({"vectors": torch.zeros(4, 3)}, r"vectors: expected shape \(4, V, 3\)"),
        ({"neighbors": torch.zeros(4, 2)}, "neighbors: expected an int64 table"),
        ({"neighbors": torch.full((4, 2), 4)}, "indices from 0 to 3"),
        ({"edge_features": torch.zeros(4, 2, 1)}, "edge_features: expected shape"),
    ],
)
def test_bad_graphs(changes, words):
    with pytest.raises(InputError, match=words):
        graph(4, **changes)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([], "at least one graph"),
        ([graph(2), graph(2, scalars=torch.zeros(2, 3))], "scalars: graph 1 has"),
        ([graph(2), graph(2, positions=torch.zeros(2, 3).double())], "positions: graph 1 has"),
        ([graph(2, vectors=torch.zeros(2, 1, 3)), graph(2)], "vectors: graph 1 has none"),
    ],
)
def test_bad_batches(others, words):
    with pytest.raises(InputError, match=words):
        collate(others)


def test_pytorch_geometric_round_trip():
    pytest.importorskip("torch_geometric", reason="optional: pip install 'geometric-hyena[baselines]'")
    before = graph(
        5,
        vectors=torch.randn(5, 1, 3),
        neighbors=sequence_neighbors(5, reach=2),
        edge_features=torch.randn(5, 4, 3),
    )
    data = before.to_pyg()
    assert data.edge_index.shape[0] == 2
    after = GeometricGraph.from_pyg(data)
    assert torch.equal(after.positions, before.positions)
    assert torch.equal(after.vectors, before.vectors)
    again = after.to_pyg()
    assert torch.equal(again.edge_index, data.edge_index)
    assert torch.equal(again.edge_attr, data.edge_attr)
