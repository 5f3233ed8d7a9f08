"""Aggregated message moments against the plain sum over edges, forward and gradients, by every kernel."""

import importlib.util
import sys
import warnings

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geometric_hyena.operators import kernels, messages, reference

NUMBA = importlib.util.find_spec("numba") is not None
needs_numba = pytest.mark.skipif(not NUMBA, reason="needs numba")


@pytest.fixture(params=["torch", pytest.param("native", marks=needs_numba)])
def kernel(request):
    with kernels.kernels(request.param):
        yield request.param


def draw(tokens, senders, neighbors, hidden=5, edges=3, moments=4, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

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
    cotangent = torch.cos(torch.arange(out.numel(), dtype=torch.float64)).to(out.dtype).view_as(out)
    wanted = [a for a in leaves if a.requires_grad]
    return [out.detach(), *torch.autograd.grad((out * cotangent).sum(), wanted)]


def close(found, wanted, tolerance):
    """Equal to `tolerance` of the largest entry of each tensor."""
    for a, b in zip(found, wanted, strict=True):
        scale = b.abs().max().item() if b.numel() else 0.0
        torch.testing.assert_close(a, b.to(a.dtype), rtol=0, atol=tolerance * scale + 1e-300)


@pytest.mark.usefixtures("kernel")
class TestEveryKernel:
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        tokens=st.integers(1, 30),
        senders=st.integers(1, 30),
        neighbors=st.integers(0, 6),
        moments=st.integers(1, 5),
        seed=st.integers(0, 1000),
    )
    def test_agrees_with_the_plain_sum(self, tokens, senders, neighbors, moments, seed):
        arguments = draw(tokens, senders, neighbors, moments=moments, seed=seed)
        fast, slow = (gradients(m.message_moments, arguments) for m in (messages, reference))
        for a, b in zip(fast, slow, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)

    @pytest.mark.parametrize(
        ("tokens", "neighbors", "hidden", "edges"),
        [(1, 3, 1, 1), (40, 0, 8, 2), (50, 16, 80, 1), (50, 17, 48, 20), (33, 7, 13, 5)],
    )
    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
    def test_agrees_at_many_sizes(self, tokens, neighbors, hidden, edges, dtype, tolerance):
        arguments = draw(tokens, 9, neighbors, hidden, edges)
        single = [a.to(dtype) if a.is_floating_point() else a for a in arguments]
        exact = [a.double() if a.is_floating_point() else a for a in single]
        wanted = gradients(reference.message_moments, exact)
        close(gradients(messages.message_moments, single), wanted, tolerance)

    def test_strided_inputs(self):
        arguments = draw(12, 7, 3)
        strided = [torch.stack([a, a], dim=-1)[..., 0] for a in arguments]
        assert not strided[0].is_contiguous()
        for a, b in zip(*(gradients(messages.message_moments, x) for x in (strided, arguments)), strict=True):
            assert torch.equal(a, b)

    def test_gradcheck(self):
        arguments = draw(4, 3, 2, hidden=3, edges=2)
        leaves = [a.requires_grad_() if a.is_floating_point() else a for a in arguments]
        assert torch.autograd.gradcheck(messages.message_moments, leaves)

    def test_gradients_to_the_linear_maps_alone(self):
        arguments = draw(9, 9, 4)
        leaves = [a.clone().requires_grad_() for a in arguments[:3]]
        out = messages.message_moments(*leaves, *arguments[3:])
        found = torch.autograd.grad(out.sum(), leaves)
        everything = [a.clone().requires_grad_() if a.is_floating_point() else a for a in arguments]
        wanted = torch.autograd.grad(messages.message_moments(*everything).sum(), everything[:3])
        close(found, wanted, 1e-13)

    def test_large_arguments_do_not_overflow(self):
        arguments = [a.float() * 1e4 if a.is_floating_point() else a for a in draw(6, 5, 3)]
        assert all(torch.isfinite(g).all() for g in gradients(messages.message_moments, arguments))

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_not_finite_stays_so(self, value):
        arguments = draw(6, 6, 3)
        arguments[0][2, 1] = value
        out = messages.message_moments(*arguments)
        assert not out[2, :, 1].isfinite().any()
        assert out[2, :, 0].isfinite().all()

    def test_sender_out_of_range(self):
        arguments = draw(6, 5, 3)
        arguments[3][4, 1] = 5
        arguments[5][4, 1] = 1
        with pytest.raises(IndexError, match="index"):
            messages.message_moments(*arguments)


@pytest.mark.parametrize("chunk", [1, 40, 1000])
def test_chunks_change_nothing(monkeypatch, chunk):
    arguments = draw(37, 11, 4)
    whole = gradients(reference.message_moments, arguments)
    monkeypatch.setattr(messages, "_CHUNK_ELEMENTS", chunk)
    with kernels.kernels("torch"):
        found = gradients(messages.message_moments, arguments)
    for a, b in zip(found, whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@needs_numba
@pytest.mark.parametrize("senders", [2, 700])
def test_native_is_bitwise_the_same_with_any_threads(monkeypatch, senders):
    from geometric_hyena.operators import messages_native

    arguments = draw(700, senders, 9, hidden=16, dtype=torch.float32)
    results = []
    for parts, waiting in [(1, 4096), (1, 1), (2, 500), (3, 4096), (3, 1)]:
        monkeypatch.setattr(messages_native, "share_count", lambda work, least, parts=parts: parts)
        monkeypatch.setattr(messages_native, "_WAITING", waiting)
        with kernels.kernels("native"):
            results.append(gradients(messages.message_moments, arguments))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@needs_numba
def test_the_choice_is_automatic_where_nothing_is_set(monkeypatch):
    monkeypatch.delenv("GHYENA_KERNELS", raising=False)
    assert kernels.native_backend(torch.zeros(1)) == "numba"
    assert kernels.native_backend(torch.zeros(1, dtype=torch.bfloat16)) is None
    assert kernels.native_backend(torch.zeros(1, device="meta")) is None
    assert kernels.native_backend(torch.zeros(1), torch.zeros(1, dtype=torch.float64)) is None
    monkeypatch.setenv("GHYENA_KERNELS", "torch")
    assert kernels.native_backend(torch.zeros(1)) is None
    with kernels.kernels("native"):
        assert kernels.native_backend(torch.zeros(1)) == "numba"


def test_a_wrong_choice_is_named(monkeypatch):
    monkeypatch.setenv("GHYENA_KERNELS", "fast")
    with pytest.raises(ValueError, match="GHYENA_KERNELS: expected one of torch, native, got 'fast'"):
        kernels.native_backend(torch.zeros(1))


@pytest.fixture
def without_numba(monkeypatch):
    def forget():
        kernels.numba_imports.cache_clear()
        kernels._warn_once.cache_clear()

    monkeypatch.setitem(sys.modules, "numba", None)
    forget()
    yield
    forget()


@pytest.mark.usefixtures("without_numba")
def test_without_numba_torch_runs_and_one_warning_says_so(monkeypatch):
    arguments = draw(5, 4, 3)
    monkeypatch.delenv("GHYENA_KERNELS", raising=False)
    silent = messages.message_moments(*arguments)
    monkeypatch.setenv("GHYENA_KERNELS", "native")
    with pytest.warns(UserWarning, match=r"geometric-hyena\[native\]"):
        forced = messages.message_moments(*arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        messages.message_moments(*arguments)
    assert torch.equal(silent, forced)
