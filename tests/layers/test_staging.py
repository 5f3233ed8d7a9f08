"""Long sequences in training: gradients that are written over what is no longer read."""

import pytest
import torch

from geometric_hyena import GeometricGraph, GeometricHyena, collate
from geometric_hyena.layers import projection
from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.operators.kernels import kernels
from layers.test_layers import geometry_of

LENGTHS = [31, 40, 1]


def leaves_and_geometry():
    generator = torch.Generator().manual_seed(0)
    sizes = (sum(LENGTHS), 6), (sum(LENGTHS), 2, 3), (sum(LENGTHS), 3)
    scalars, vectors, positions = (
        torch.randn(*size, generator=generator, dtype=torch.float64) for size in sizes
    )
    geometry, _ = geometry_of(positions, LENGTHS, DistanceFeatures(10.0, 0))
    return [scalars.requires_grad_(), vectors.requires_grad_()], geometry


@pytest.mark.parametrize("choice", ["torch", "native"])
def test_edges_made_in_chunks_are_the_same(choice, monkeypatch):
    torch.manual_seed(0)
    model = GeometricHyena(scalar_dim=3, hidden_dim=8, vector_channels=2, blocks=2).double()
    steps = torch.randn(70, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    graphs = [GeometricGraph(steps[a:b], steps[a:b].cumsum(0)) for a, b in ((0, 23), (23, 70))]
    batch = collate(graphs, k=4, radius=10.0)
    found = []
    for smallest in (1000, 1):
        monkeypatch.setattr(projection, "CHUNKED_EDGES", smallest)
        assert projection.makes_edges_in_chunks(batch.positions) == (smallest == 1)
        model.zero_grad()
        with kernels(choice), token_limits(13, 0):
            with torch.no_grad():
                silent = model(batch)
            out = model(batch)
            (out.scalars.sin().sum() + out.vectors.sin().sum()).backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        found.append([silent.scalars, silent.vectors, out.scalars, out.vectors, *grads])
    torch.testing.assert_close(found[0], found[1], rtol=1e-11, atol=1e-11)


def test_edges_with_a_gradient_are_made_at_once(monkeypatch):
    monkeypatch.setattr(projection, "CHUNKED_EDGES", 1)
    positions = torch.zeros(5, 3, requires_grad=True)
    assert not projection.makes_edges_in_chunks(positions)
    with torch.no_grad():
        assert projection.makes_edges_in_chunks(positions)


def test_a_second_backward_is_refused_and_not_wrong():
    torch.manual_seed(0)
    block = GeometricHyenaBlock(6, 2, projection={"hidden": 8, "edges": 1, "global_tokens": 2}).double()
    leaves, geometry = leaves_and_geometry()
    expected = torch.autograd.grad(sum(x.sin().sum() for x in block(*leaves, geometry)), leaves)
    with token_limits(13, 0):
        out = sum(x.sin().sum() for x in block(*leaves, geometry))
        found = torch.autograd.grad(out, leaves, retain_graph=True)
        torch.testing.assert_close(found, expected)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            torch.autograd.grad(out, leaves)
