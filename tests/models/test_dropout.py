"""Dropout in Geometric Hyena: at random in training, without effect afterwards, a symmetry kept."""

import pytest
import torch

from geometric_hyena import GeometricGraph, GeometricHyena, collate
from geometric_hyena.geometry.rotations import random_rotation


def made(dropout):
    torch.manual_seed(0)
    return GeometricHyena(3, hidden_dim=16, vector_channels=4, blocks=2, dropout=dropout).double()


def chain(rotation=None):
    generator = torch.Generator().manual_seed(1)
    positions = torch.randn(23, 3, generator=generator, dtype=torch.float64).cumsum(0)
    scalars = torch.randn(23, 3, generator=generator, dtype=torch.float64)
    return collate([GeometricGraph(scalars, positions if rotation is None else positions @ rotation.T)], k=4)


@pytest.fixture(scope="module")
def batch():
    return chain()


def test_a_trained_model_says_the_same_every_time(batch):
    model, plain = made(0.5).eval(), made(0.0).eval()
    torch.testing.assert_close(model(batch).scalars, plain(batch).scalars, rtol=0, atol=0)


def test_every_step_of_training_leaves_out_others(batch):
    model = made(0.5).train()
    first, second = model(batch).scalars, model(batch).scalars
    assert not torch.allclose(first, second)
    torch.manual_seed(3)
    third = model(batch).vectors
    torch.manual_seed(3)
    torch.testing.assert_close(model(batch).vectors, third, rtol=0, atol=0)


def test_what_is_left_is_equivariant(batch):
    model, rotation = made(0.3).train(), random_rotation()
    torch.manual_seed(5)
    before = model(batch)
    torch.manual_seed(5)
    after = model(chain(rotation))
    torch.testing.assert_close(after.scalars, before.scalars, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(after.vectors, before.vectors @ rotation.T, rtol=1e-9, atol=1e-9)
