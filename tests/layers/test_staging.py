"""Long sequences in training: gradients that are written over what is no longer read."""

import pytest
import torch

from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.layers.staging import token_limits
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
