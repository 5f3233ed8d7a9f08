"""The lift to higher degrees against spherical harmonics and symmetric traceless tensors."""

import pytest
import torch

from geometric_hyena.layers.lift import DegreeLift

o3 = pytest.importorskip("e3nn.o3")


def lift_of(vectors, degrees, same=False):
    torch.manual_seed(0)
    lift = DegreeLift(vectors, degrees).double()
    if same:
        for mix in lift.mixes:
            torch.nn.init.eye_(mix.weight)
    return lift


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_of_one_direction_they_are_spherical_harmonics_times_its_length(degree):
    vectors = torch.randn(6, 3, 3, dtype=torch.float64) * 5
    with torch.no_grad():
        h = lift_of(3, [degree], same=True)(vectors)[degree]
    y = o3.spherical_harmonics(degree, vectors, normalize=True) * vectors.norm(dim=-1, keepdim=True)
    factor = (h * y).sum() / y.square().sum()
    assert factor > 0
    torch.testing.assert_close(h, factor * y, rtol=1e-6, atol=1e-6)


def test_degree_two_is_the_symmetric_traceless_product_of_two_mixes():
    """Both have the same inner products with each other, so that they differ by a rotation of five axes."""
    lift, vectors = lift_of(4, [2]), torch.randn(6, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        h = lift(vectors)[2].flatten(0, 1)
        a, b = (mix(vectors.transpose(1, 2)).transpose(1, 2).flatten(0, 1) for mix in lift.mixes)
    outer = a[:, :, None] * torch.nn.functional.normalize(b, dim=-1)[:, None]
    tensor = (outer + outer.transpose(1, 2)) / 2
    tensor -= torch.eye(3) / 3 * tensor.diagonal(dim1=1, dim2=2).sum(-1)[:, None, None]
    gram, expected = h @ h.T, tensor.flatten(1) @ tensor.flatten(1).T
    torch.testing.assert_close(gram, expected * (gram.trace() / expected.trace()), rtol=1e-8, atol=1e-8)


def test_zero_vectors_stay_zero_with_finite_gradients():
    vectors = torch.zeros(2, 3, 3, dtype=torch.float64, requires_grad=True)
    lifted = lift_of(3, [2, 3])(vectors)
    assert not any(h.any() for h in lifted.values())
    sum(h.sum() for h in lifted.values()).backward()
    assert torch.isfinite(vectors.grad).all()
