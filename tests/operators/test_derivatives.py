"""What cannot be differentiated is refused, never silently zero."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.utils.checkpoint import checkpoint

from equivariance.model_tests import chain
from geometric_hyena import GeometricHyena, collate
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.operators import geometric_long_conv, reference, scalar_long_conv
from geometric_hyena.operators.kernels import kernels
from geometric_hyena.operators.messages import message_moments

CHOICES = ["torch", "native"]


def model():
    torch.manual_seed(0)
    return GeometricHyena(3, 1, hidden_dim=16, vector_channels=3, blocks=1).double()


def double(*shape):
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


@pytest.fixture(params=CHOICES)
def choice(request):
    with kernels(request.param):
        yield request.param


def second(conv, q, k):
    """Of the squared gradient by q, where the gradient that comes in is constant."""
    (first,) = torch.autograd.grad(conv(q, k).sum() + (q**2).sum(), q, create_graph=True)
    return torch.autograd.grad(first.square().sum(), [q, k])


def test_second_derivatives_are_refused_behind_a_sum_too(choice):
    q, k = double(1, 7, 2), double(1, 7, 2)
    assert second(reference.scalar_long_conv, q, k)[1].norm() > 0.1
    with pytest.raises(RuntimeError, match="second derivatives"):
        second(scalar_long_conv, q, k)


def test_second_derivatives_of_messages_are_refused(choice):
    receiver, sender, edge_map = double(5, 8), double(5, 8), double(2, 8)
    index, edges = torch.randint(5, (5, 3)), double(5, 3, 2)
    out = message_moments(receiver, sender, edge_map, index, edges, double(5, 3, 1))
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.autograd.grad(out.sum(), receiver, create_graph=True)


@pytest.mark.parametrize("whole", [0, 1 << 14])
def test_second_derivatives_of_models_are_refused(choice, whole):
    batch = collate([chain(20)])
    positions = batch.positions.requires_grad_()
    with token_limits(8, whole), pytest.raises(RuntimeError, match="second derivatives"):
        torch.autograd.grad(model()(batch).scalars.sum(), positions, create_graph=True)


@pytest.mark.parametrize("grad", [True, False])
def test_forward_mode_is_refused(choice, grad):
    q, k = torch.randn(9, 2), torch.randn(9, 2)
    batch = collate([chain(20)])
    with torch.set_grad_enabled(grad), forward_ad.dual_level():
        with pytest.raises(NotImplementedError):
            scalar_long_conv(forward_ad.make_dual(q, torch.ones_like(q)), k)
        dual = forward_ad.make_dual(batch.scalars, torch.ones_like(batch.scalars))
        with pytest.raises(NotImplementedError):
            model()(collate([chain(20)]).__class__(**{**vars(batch), "scalars": dual}))


@pytest.mark.parametrize("name", ["grad", "jacrev", "vmap"])
def test_transforms_of_functions_are_refused(choice, name):
    k = torch.randn(9, 2)
    function = {
        "grad": torch.func.grad(lambda q: scalar_long_conv(q, k).sum()),
        "jacrev": torch.func.jacrev(lambda q: scalar_long_conv(q, k)),
        "vmap": torch.vmap(lambda q: scalar_long_conv(q, k)),
    }[name]
    q = torch.randn(4, 9, 2, requires_grad=True) if name == "vmap" else torch.randn(9, 2)
    with pytest.raises(RuntimeError):
        function(q)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_models_of_half_precision_are_refused(dtype):
    batch = collate([chain(20)]).to(dtype=dtype)
    with pytest.raises(RuntimeError):
        model().to(dtype)(batch)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_model_inside_of_a_checkpoint(choice, reentrant):
    batch, net = collate([chain(20)]), model()
    scale = torch.ones(1, dtype=torch.double, requires_grad=True)

    def loss(x):
        return (net(batch).scalars * x).square().sum()

    loss(scale).backward()
    expected = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    checkpoint(loss, scale, use_reentrant=reentrant).backward()
    found = [p.grad for p in net.parameters() if p.grad is not None]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_weights_elsewhere_are_refused():
    q, v = torch.randn(1, 20, 2), torch.randn(1, 20, 2, 3)
    with pytest.raises(ValueError, match="weights: expected a tensor on cpu, got one on meta"):
        geometric_long_conv(q, v, q, v, torch.ones(5, 2, device="meta"))


def test_what_only_pretends_to_be_a_tensor_leaves_no_memory_behind():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with kernels("torch"):
        for _ in range(2):
            with FakeTensorMode():
                fake = torch.randn(2, 45, 3)
                assert scalar_long_conv(fake, fake).shape == (2, 45, 3)
            x = torch.randn(2, 45, 3)
            torch.testing.assert_close(
                scalar_long_conv(x, x), reference.scalar_long_conv(x, x), atol=1e-5, rtol=1e-4
            )
