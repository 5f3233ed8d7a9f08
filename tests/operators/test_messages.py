"""Aggregated message moments against the plain sum over edges, forward and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geometric_hyena.operators import messages, reference


def draw(tokens, senders, neighbors, hidden=5, edges=3, moments=4, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    index = torch.randint(senders, (tokens, neighbors), generator=generator)
    coefficients = normal(tokens, neighbors, moments)
    coefficients[torch.rand(tokens, neighbors, generator=generator) < 0.3] = 0  # padding
    return (
        normal(tokens, hidden),
        normal(senders, hidden),
        normal(edges, hidden),
        index,
        normal(tokens, neighbors, edges),
        coefficients,
    )


def gradients(function, arguments):
    leaves = [a.clone().requires_grad_() if a.is_floating_point() else a for a in arguments]
    out = function(*leaves)
    cotangent = torch.cos(torch.arange(out.numel(), dtype=out.dtype)).view_as(out)
    wanted = [a for a in leaves if a.requires_grad]
    return [out.detach(), *torch.autograd.grad((out * cotangent).sum(), wanted)]


@settings(max_examples=20, deadline=None)
@given(
    tokens=st.integers(1, 30),
    senders=st.integers(1, 30),
    neighbors=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
def test_agrees_with_the_plain_sum(tokens, senders, neighbors, seed):
    arguments = draw(tokens, senders, neighbors, seed=seed)
    fast, slow = (gradients(m.message_moments, arguments) for m in (messages, reference))
    for a, b in zip(fast, slow, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 40, 1000])
def test_chunks_change_nothing(monkeypatch, chunk):
    arguments = draw(37, 11, 4)
    whole = gradients(reference.message_moments, arguments)
    monkeypatch.setattr(messages, "_CHUNK_ELEMENTS", chunk)
    for a, b in zip(gradients(messages.message_moments, arguments), whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_gradcheck():
    arguments = draw(4, 3, 2, hidden=3, edges=2)
    leaves = [a.requires_grad_() if a.is_floating_point() else a for a in arguments]
    assert torch.autograd.gradcheck(messages.message_moments, leaves)


def test_large_arguments_do_not_overflow():
    arguments = [a.float() * 1e4 if a.is_floating_point() else a for a in draw(6, 5, 3)]
    assert all(torch.isfinite(g).all() for g in gradients(messages.message_moments, arguments))
