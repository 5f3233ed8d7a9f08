"""Triton's kernels on the CPU, by its interpreter; `test_triton.py` runs this file."""

import os

import pytest
import torch

from equivariance.model_tests import chain
from geometric_hyena import GeometricHyena, collate
from geometric_hyena.operators import (
    combine,
    combine_triton,
    geometric_long_conv,
    kernels,
    messages,
    reference,
)
from geometric_hyena.operators.products import GEOMETRIC_PRODUCT
from geometric_hyena.testing import relative_error
from operators.test_long_conv import gradients as conv_gradients
from operators.test_long_conv import inputs
from operators.test_messages import close, draw, gradients

assert os.environ.get("TRITON_INTERPRET") == "1"
pytestmark = pytest.mark.usefixtures("triton_serves_the_cpu")


@pytest.fixture
def triton_serves_the_cpu(monkeypatch):
    real = kernels.native_backend

    def backend(*tensors):
        """As on a GPU, where GHYENA_KERNELS and `kernels` still have their say."""
        monkeypatch.setitem(kernels._BACKENDS, "cpu", kernels._BACKENDS["cuda"])
        return real(*tensors)

    monkeypatch.setattr(kernels, "_triton_lacks", lambda: None)
    monkeypatch.setattr(kernels, "native_backend", backend)
    monkeypatch.setattr(messages, "native_backend", backend)


def exact(arguments):
    return [a.double() if a.is_floating_point() else a for a in arguments]


@pytest.mark.parametrize(
    ("tokens", "neighbors", "hidden", "edges", "moments"),
    [(1, 1, 1, 1, 1), (5, 0, 8, 2, 4), (2, 17, 40, 1, 4), (3, 5, 13, 5, 3), (1, 33, 80, 1, 5)],
)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-13), (torch.bfloat16, 2e-2)]
)
def test_messages_agree_with_the_plain_sum(tokens, neighbors, hidden, edges, moments, dtype, tolerance):
    arguments = draw(tokens, 4, neighbors, hidden, edges, moments, dtype=dtype)
    wanted = gradients(reference.message_moments, exact(arguments))
    found = gradients(messages.message_moments, arguments)
    assert all(f.dtype == dtype for f in found)
    close(exact(found), wanted, tolerance)


@pytest.mark.parametrize("programs", [1, 2])
def test_messages_of_several_tokens_to_a_program(monkeypatch, programs):
    from geometric_hyena.operators import messages_triton

    monkeypatch.setattr(messages_triton, "_PROGRAMS", programs)
    arguments = draw(5, 3, 3, hidden=35, edges=1, moments=2)
    close(
        gradients(messages.message_moments, arguments), gradients(reference.message_moments, arguments), 1e-13
    )


def test_messages_of_strided_inputs():
    arguments = draw(3, 4, 3, moments=2)
    strided = [torch.stack([a, a], dim=-1)[..., 0] for a in arguments]
    for a, b in zip(*(gradients(messages.message_moments, x) for x in (strided, arguments)), strict=True):
        assert torch.equal(a, b)


def test_message_gradients_to_the_linear_maps_alone():
    arguments = draw(5, 4, 3)
    leaves = [a.clone().requires_grad_() for a in arguments[:3]]
    found = torch.autograd.grad(messages.message_moments(*leaves, *arguments[3:]).sum(), leaves)
    wanted = torch.autograd.grad(reference.message_moments(*leaves, *arguments[3:]).sum(), leaves)
    close(found, wanted, 1e-13)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_large_arguments_do_not_overflow():
    """An exponential that does becomes infinity, and its inverse zero."""
    arguments = [a.float() * 1e4 if a.is_floating_point() else a for a in draw(4, 5, 3)]
    assert all(torch.isfinite(g).all() for g in gradients(messages.message_moments, arguments))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so_and_where_it_was(value):
    arguments = draw(6, 6, 3)
    arguments[0][2, 1] = value
    out = messages.message_moments(*arguments)
    assert not out[2, :, 1].isfinite().any()
    assert out[2, :, 0].isfinite().all()
    assert out[[0, 1, 3, 4, 5]].isfinite().all()


@pytest.mark.parametrize("sender", [-1, 5])
def test_a_sender_that_does_not_exist_gives_nan_at_its_receiver_alone(sender):
    arguments = draw(6, 5, 3)
    arguments[3][4, 1] = sender
    out, *grads = gradients(messages.message_moments, arguments)
    assert out[4].isnan().all()
    assert out[[0, 1, 2, 3, 5]].isfinite().all()
    assert grads[0][4].isnan().all()
    assert grads[1].isfinite().all()


@pytest.mark.parametrize("bins", [1, 32, 33, 70])
@pytest.mark.parametrize(
    ("product", "conjugate"),
    [
        (GEOMETRIC_PRODUCT, False),
        (GEOMETRIC_PRODUCT.query_adjoint, True),
        (GEOMETRIC_PRODUCT.key_adjoint, True),
    ],
    ids=["forward", "query's gradient", "key's gradient"],
)
def test_products_of_spectra(monkeypatch, bins, product, conjugate):
    monkeypatch.setattr(combine_triton, "_BLOCK", 32)
    generator = torch.Generator().manual_seed(bins)
    q, k = (torch.randn(4, 2, 2, bins, dtype=torch.complex64, generator=generator) for _ in range(2))
    weights = torch.randn(5, 3, generator=generator)[:, 1:]
    assert combine._backend(q) == "triton"
    found = combine.forward(product, q, k, weights, conjugate=conjugate)
    wanted = combine.forward(product, q.cdouble(), k.cdouble(), weights.double(), conjugate=conjugate)
    assert relative_error(torch.view_as_real(found), torch.view_as_real(wanted)) < 1e-6


@pytest.mark.parametrize("bins", [1, 31, 70])
@pytest.mark.parametrize("half", [False, True])
def test_term_sums(monkeypatch, bins, half):
    monkeypatch.setattr(combine_triton, "_BLOCK", 32)
    monkeypatch.setattr(combine_triton, "_SPAN", 64)
    generator = torch.Generator().manual_seed(bins)
    spectra = [torch.randn(4, 2, 2, bins, dtype=torch.complex64, generator=generator) for _ in range(3)]
    found = combine.term_sums(GEOMETRIC_PRODUCT, *spectra, first=7.0, half=half)
    doubles = [s.cdouble() for s in spectra]
    wanted = combine.term_sums(GEOMETRIC_PRODUCT, *doubles, first=7.0, half=half)
    close([found.double()], [wanted], 1e-6)


@pytest.mark.parametrize("lengths", [[1], [2, 5], [31, 64]])
def test_convolution_agrees_with_direct_sum(lengths):
    tensors = inputs("geometric_long_conv", len(lengths), max(lengths), channels=2, dtype=torch.float32)
    ragged = torch.tensor(lengths)
    out, grads = conv_gradients(geometric_long_conv, tensors, ragged, "length")
    wanted, wanted_grads = conv_gradients(
        reference.geometric_long_conv, [t.double() for t in tensors], ragged, "length"
    )
    # the cotangents are sines of the same numbers in single and in double precision
    close([out.double(), *(g.double() for g in grads)], [wanted, *wanted_grads], 2e-5)


def test_a_model_gives_the_same_with_torch_and_with_triton():
    torch.manual_seed(0)
    model = GeometricHyena(scalar_dim=3, vector_dim=1, hidden_dim=8, vector_channels=2, blocks=1)
    batch = collate([chain(n, seed=n, dtype=torch.float32) for n in (5, 3)])
    results = []
    for choice in kernels.CHOICES:
        model.zero_grad()
        with kernels.kernels(choice):
            out = model(batch)
            (out.positions.sin().sum() + out.scalars.sum()).backward()
        results.append(
            [out.scalars, out.positions, *(p.grad for p in model.parameters() if p.grad is not None)]
        )
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
