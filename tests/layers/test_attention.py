"""The attention blocks against the reference operators, inside the block that they share."""

import pytest
import torch

from geometric_hyena.layers.attention import CrossProductAttentionBlock, DotProductAttentionBlock
from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.operators import reference
from layers.test_layers import geometry_of

PROJECTION = {"hidden": 6, "edges": 1, "global_tokens": 2}
LENGTHS = [5, 5, 3, 1]


def pair(seed):
    generator = torch.Generator().manual_seed(seed)
    sizes = ((sum(LENGTHS), 6), (sum(LENGTHS), 2, 3))
    return tuple(torch.randn(*size, generator=generator, dtype=torch.float64) for size in sizes)


def padded(packed):
    return torch.nn.utils.rnn.pad_sequence(packed.split(LENGTHS), batch_first=True)


@pytest.mark.parametrize(
    ("block", "operator", "options"),
    [
        (DotProductAttentionBlock, reference.dot_product_vector_attention, {}),
        (DotProductAttentionBlock, reference.dot_product_vector_attention, {"scale": "channels"}),
        (CrossProductAttentionBlock, reference.cross_product_vector_attention, {}),
        (CrossProductAttentionBlock, reference.cross_product_vector_attention, {"values": "code2"}),
    ],
)
def test_scalars_attend_by_scalars_and_vectors_by_vectors(block, operator, options):
    geometry, _ = geometry_of(torch.randn(14, 3, dtype=torch.float64), LENGTHS, DistanceFeatures(10.0, 0))
    q, k, v = (pair(seed) for seed in range(3))
    u, u_vectors = block(6, 2, projection=PROJECTION, **options).global_context(q, k, v, geometry)
    real = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    scalars, vectors = ([padded(x[i]) for x in (q, k, v)] for i in (0, 1))
    lengths = torch.tensor(LENGTHS)
    torch.testing.assert_close(u, reference.scalar_attention(*scalars, lengths)[real])
    torch.testing.assert_close(u_vectors, operator(*vectors, lengths, **options)[real])


def test_the_projections_and_the_gate_are_those_of_geometric_hyena():
    ours = DotProductAttentionBlock(6, 2, projection=PROJECTION).state_dict()
    theirs = GeometricHyenaBlock(6, 2, projection=PROJECTION).state_dict()
    assert theirs.keys() - ours.keys() == {"to_pairs.weight", "from_pairs.weight", "interaction"}
    assert all(ours[name].shape == theirs[name].shape for name in ours)


def test_fused_or_materialised_the_block_says_the_same():
    geometry, _ = geometry_of(torch.randn(14, 3, dtype=torch.float64), LENGTHS, DistanceFeatures(10.0, 0))
    fused = DotProductAttentionBlock(6, 2, projection=PROJECTION).double()
    other = DotProductAttentionBlock(6, 2, projection=PROJECTION, fused=False).double()
    other.load_state_dict(fused.state_dict())
    for a, b in zip(fused(*pair(0), geometry), other(*pair(0), geometry), strict=True):
        torch.testing.assert_close(a, b)
