"""The SE(3)-Hyena block against its algorithm, the size of the model, and models by name."""

from dataclasses import asdict

import pytest
import torch

from geometric_hyena import GeometricGraph, InputError, SE3Hyena, collate
from geometric_hyena.layers.se3_hyena_block import SE3HyenaBlock
from geometric_hyena.models.descriptions import DESCRIPTIONS
from geometric_hyena.models.registry import MODELS, build_model
from geometric_hyena.operators import reference
from geometric_hyena.training.config import NetworkConfig


def test_block_is_the_algorithm_of_the_paper():
    """With the direct convolutions, at ragged lengths, one of them prime."""
    torch.manual_seed(0)
    D, C = 4, 3
    block = SE3HyenaBlock(D, C, gate_dim=5, perceptron={"width": 6}).double()
    lengths = torch.tensor([7, 1, 6])
    f, x = torch.randn(14, D, dtype=torch.float64), torch.randn(14, C, 3, dtype=torch.float64)
    scalars, vectors = block(f, x, lengths)

    qkv, qkv_vectors = block.qkv(f, x)
    q, k, v = (qkv[:, i * D : (i + 1) * D] for i in range(3))
    q_eqv, k_eqv, v_eqv = (qkv_vectors[:, i * C : (i + 1) * C] for i in range(3))
    cut = [slice(0, 7), slice(7, 8), slice(8, 14)]
    u = torch.cat([reference.scalar_long_conv(q[i][None], k[i][None])[0] for i in cut])
    u_eqv = torch.cat([reference.vector_long_conv(q_eqv[i][None], k_eqv[i][None])[0] for i in cut])
    m = torch.sigmoid(block.gate(u, u_eqv)[0])
    h = f + m[:, :D] * u * v
    h_eqv = x + torch.linalg.cross(m[:, D:, None] * u_eqv, v_eqv)
    update, update_eqv = block.output(h, h_eqv)
    torch.testing.assert_close(scalars, h + update)
    torch.testing.assert_close(vectors, h_eqv + update_eqv)


def test_gate_does_not_see_the_sign_of_the_axial_vectors():
    block = SE3HyenaBlock(4, 3, gate_dim=5, perceptron={"width": 6}).double()
    u, u_eqv = torch.randn(9, 4, dtype=torch.float64), torch.randn(9, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(block.gate(u, -u_eqv)[0], block.gate(u, u_eqv)[0])


def test_about_800_thousand_parameters_in_the_papers_associative_recall():
    model = SE3Hyena(16, hidden_dim=16, vector_channels=128, gate_dim=8, blocks=3)
    count = sum(p.numel() for p in model.parameters())
    assert count == 844_280
    assert round(count, -5) == 800_000
    assert f"{count:,}" in SE3Hyena.__doc__


def test_other_features_than_the_model_was_made_for_are_named():
    batch = collate([GeometricGraph(torch.randn(5, 3), torch.randn(5, 3))])
    with pytest.raises(InputError, match="made for vector_dim=1, the batch has 0"):
        SE3Hyena(3, 1, hidden_dim=4, vector_channels=4, blocks=1)(batch)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_is_built_from_the_options_of_a_run(name):
    network = NetworkConfig(hidden_dim=8, vector_channels=6, blocks=1, global_tokens=2)
    model = build_model(name, 3, 1, {**asdict(network), "radius": 8.0})
    batch = collate([GeometricGraph(torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 1, 3))])
    out = model(batch)
    gives = DESCRIPTIONS[name].gives
    assert out.scalars.shape == (5, 8 if "scalars" in gives else 0)
    assert out.vectors.shape == (5, 6 if "vectors" in gives else 0, 3)
    assert name == "linear" or model.radius == 8.0
