"""The wedge convolution against its direct twin, the cross product, and rotations of any dimension."""

import pytest
import torch

from geometric_hyena.operators import reference, vector_long_conv, wedge_long_conv
from geometric_hyena.operators.wedge import bivector_matrix, contract, dual

DIMENSIONS = [2, 3, 4, 5, 7]


def vectors(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation_of(dimension):
    """A proper rotation: an orthogonal matrix of determinant one."""
    q, r = torch.linalg.qr(vectors(dimension, dimension, seed=3))
    q = q * r.diagonal().sign()
    q[:, 0] *= torch.linalg.det(q).sign()
    return q


def gradients(function, q, k, lengths, norm):
    leaves = [t.clone().requires_grad_() for t in (q, k)]
    out = function(*leaves, lengths, norm=norm).flatten()
    cotangent = torch.sin(torch.arange(out.numel(), dtype=out.dtype) + 1)
    return out.detach(), torch.autograd.grad(out @ cotangent, leaves)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("lengths", [[1], [2, 2], [7, 3, 13], [16, 5]])
def test_agrees_with_direct_sum(dimension, lengths):
    q, k = (vectors(len(lengths), max(lengths), 2, dimension, seed=i) for i in range(2))
    for norm in ("length", "sqrt_length", "none"):
        out, grads = gradients(wedge_long_conv, q, k, torch.tensor(lengths), norm)
        expected, expected_grads = gradients(reference.wedge_long_conv, q, k, torch.tensor(lengths), norm)
        torch.testing.assert_close(out, expected, rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(grads, expected_grads, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("lengths", [None, torch.tensor([37, 20])])
def test_in_three_dimensions_its_dual_is_the_vector_convolution(lengths):
    q, k = vectors(2, 37, 3, 3), vectors(2, 37, 3, 3, seed=1)
    assert torch.equal(dual(wedge_long_conv(q, k, lengths)), vector_long_conv(q, k, lengths))


def test_contraction_is_the_double_cross_product():
    q, k, v = (vectors(2, 21, 3, 3, seed=i) for i in range(3))
    expected = torch.linalg.cross(vector_long_conv(q, k), v)
    torch.testing.assert_close(contract(wedge_long_conv(q, k), v), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_contraction_of_a_wedge_is_its_identity(dimension):
    q, k, v = (vectors(1, 1, 1, dimension, seed=i) for i in range(3))
    expected = k * (q * v).sum(-1, keepdim=True) - q * (k * v).sum(-1, keepdim=True)
    torch.testing.assert_close(contract(wedge_long_conv(q, k), v), expected)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_turns_with_its_inputs(dimension):
    q, k, v = (vectors(2, 11, 2, dimension, seed=i) for i in range(3))
    r = rotation_of(dimension)
    torch.testing.assert_close(torch.linalg.det(r), torch.ones((), dtype=torch.float64))
    before, after = wedge_long_conv(q, k), wedge_long_conv(q @ r.T, k @ r.T)
    torch.testing.assert_close(
        bivector_matrix(after), r @ bivector_matrix(before) @ r.T, rtol=1e-10, atol=1e-12
    )
    torch.testing.assert_close(contract(after, v @ r.T), contract(before, v) @ r.T, rtol=1e-10, atol=1e-12)


def test_packed_equals_padded():
    lengths = torch.tensor([5, 11, 1])
    q, k = (vectors(3, 11, 2, 5, seed=i) for i in range(2))
    real = torch.arange(11) < lengths[:, None]
    padded, packed = wedge_long_conv(q, k, lengths), wedge_long_conv(q[real], k[real], lengths)
    assert torch.equal(padded[real], packed)
    assert not padded[~real].any()


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("q", lambda: wedge_long_conv(*[torch.zeros(1, 4, 2, 1)] * 2)),
        ("k", lambda: wedge_long_conv(torch.zeros(1, 4, 2, 4), torch.zeros(1, 4, 2, 5))),
        ("lengths", lambda: wedge_long_conv(*[torch.zeros(1, 4, 2, 4)] * 2, torch.tensor([0]))),
        ("bivector", lambda: bivector_matrix(torch.zeros(2, 4))),
        ("bivector", lambda: dual(torch.zeros(2, 6))),
        ("vector", lambda: contract(torch.zeros(2, 6), torch.zeros(2, 3))),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=f"^{argument}: expected"):
        call()
