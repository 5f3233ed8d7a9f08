"""The engines of the convolution, compiled and plain: the same results, whatever runs them."""

import pytest
import torch

from geometric_hyena.operators import (
    convolution,
    convolution_native,
    mkl,
    reference,
    scalar_long_conv,
    threads,
    vector_long_conv,
)
from geometric_hyena.operators import geometric_long_conv as geometric
from geometric_hyena.operators.convolution import bilinear_convolution
from geometric_hyena.operators.kernels import kernels
from geometric_hyena.operators.long_conv import convolve_tokens
from geometric_hyena.operators.products import CROSS_PRODUCT, GEOMETRIC_PRODUCT, BilinearProduct, Term
from geometric_hyena.operators.segments import Run, equal_length_runs

with_library = pytest.mark.skipif(not mkl.available(), reason="PyTorch without the FFT library of x86")
RAGGED = [7, 7, 16, 1, 31, 64, 64, 97, 2, 210]


def draw(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed + len(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def tokens(total, channels=3, dtype=torch.float64):
    """Packed queries, keys and weights of the geometric convolution."""
    shapes = [(total, channels), (total, channels, 3)] * 2
    drawn = [draw(*shape, dtype=dtype, seed=i) for i, shape in enumerate(shapes)]
    return [*drawn, draw(5, channels, dtype=dtype)]


def gradients(function, tensors, lengths, wanted=None):
    tensors = [t.clone().requires_grad_(wanted is None or i in wanted) for i, t in enumerate(tensors)]
    out = function(*tensors, lengths)
    flat = torch.cat([u.flatten() for u in out])
    cotangent = torch.sin(torch.arange(len(flat), dtype=flat.dtype))
    return flat.detach(), torch.autograd.grad(flat @ cotangent, [t for t in tensors if t.requires_grad])


@pytest.fixture(params=["native", "native without the library", "torch"])
def engine(request, monkeypatch):
    if request.param == "native without the library":
        monkeypatch.setattr(mkl, "available", lambda: False)
    elif request.param == "native" and not mkl.available():
        pytest.skip("PyTorch without the FFT library of x86")
    with kernels(request.param.split()[0]):
        yield request.param


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_agrees_with_direct_sum(engine, monkeypatch, dtype, keep):
    """Ragged lengths, with the spectra kept for the backward and computed again."""
    monkeypatch.setattr(convolution, "_keeps_spectra", lambda *_: keep)
    padded = [torch.stack([t, t.flip(0)]) if t.ndim > 2 or len(t) > 5 else t for t in tokens(97)]
    lengths = torch.tensor([97, 61])
    out, grads = gradients(geometric, [t.to(dtype) for t in padded], lengths)
    expected, expected_grads = gradients(reference.geometric_long_conv, padded, lengths)
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-11}[dtype]
    for ours, direct in zip((out, *grads), (expected, *expected_grads), strict=True):
        assert (ours - direct).abs().max() <= tolerance * direct.abs().max()


@with_library
def test_compiled_and_plain_agree_on_packed_sequences():
    lengths = torch.tensor(RAGGED)
    found = []
    for choice in ("native", "torch"):
        with kernels(choice):
            found.append(gradients(geometric, tokens(sum(RAGGED)), lengths))
    (out, grads), (expected, expected_grads) = found
    torch.testing.assert_close(out, expected, rtol=1e-11, atol=1e-12)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("wanted", [[0], [1], [2, 3], [4], [0, 4]])
def test_only_the_gradients_that_are_wanted(engine, wanted):
    tensors, lengths = tokens(sum(RAGGED)), torch.tensor(RAGGED)
    for keep in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(convolution, "_keeps_spectra", lambda *_, keep=keep: keep)
            some = gradients(geometric, tensors, lengths, wanted)[1]
            every = gradients(geometric, tensors, lengths)[1]
        for grad, i in zip(some, wanted, strict=True):
            torch.testing.assert_close(grad, every[i], rtol=0, atol=0)


def test_result_in_place_of_the_queries(engine):
    runs = equal_length_runs(RAGGED)
    q = (draw(1, 2, sum(RAGGED)), draw(3, 2, sum(RAGGED)))
    k = (draw(1, 2, sum(RAGGED), seed=1), draw(3, 2, sum(RAGGED), seed=1))
    weights = draw(5, 2)
    fresh = bilinear_convolution(q, k, weights, GEOMETRIC_PRODUCT, runs, "length")
    spare = tuple(part.clone() for part in q)
    out = bilinear_convolution(spare, k, weights, GEOMETRIC_PRODUCT, runs, "length", overwrite=True)
    for part, own, expected in zip(out, spare, fresh, strict=True):
        assert part.data_ptr() == own.data_ptr()
        assert torch.equal(part, expected)


def test_products_whose_terms_leave_components_out(engine):
    """Components without a term come out zero, and get no gradient."""
    product = BilinearProduct("partial", 2, 3, 2, (Term(0, 0, 1), Term(0, 0, 2, -0.5)))
    q, k = draw(9, 2, 2).requires_grad_(), draw(9, 2, 3).requires_grad_()
    (u,) = convolve_tokens((q,), (k,), None, product, None, "none")
    direct = scalar_long_conv(q[..., 0], k[..., 1] - 0.5 * k[..., 2], norm="none")
    torch.testing.assert_close(u[..., 0], direct)
    assert not u[..., 1].any()
    q_grad, k_grad = torch.autograd.grad(u.square().sum(), [q, k])
    assert q_grad[..., 0].any()
    assert not q_grad[..., 1].any()
    assert not k_grad[..., 0].any()


@pytest.mark.parametrize("length", [5, 8, 24, 29, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@with_library
def test_beside_sequences_of_the_same_length_bitwise_the_same(dtype, length):
    q, k = draw(5, length, 1, 3, dtype=dtype), draw(5, length, 1, 3, dtype=dtype, seed=1)
    together = vector_long_conv(q, k)
    for b in range(5):
        assert torch.equal(together[b], vector_long_conv(q[b : b + 1], k[b : b + 1])[0])


@with_library
def test_threads_change_nothing(monkeypatch):
    tensors, lengths = tokens(sum(RAGGED)), torch.tensor(RAGGED)
    alone = gradients(geometric, tensors, lengths)
    monkeypatch.setattr(convolution_native, "share_count", lambda *_: 3)
    monkeypatch.setattr(threads, "_CORES", 3)
    shared = gradients(geometric, tensors, lengths)
    assert torch.equal(alone[0], shared[0])
    assert all(map(torch.equal, alone[1], shared[1]))


def test_training_after_inference_mode(engine):
    """Scratch memory first made under inference mode may be written to outside of it."""
    with torch.inference_mode():
        geometric(*tokens(211))
    gradients(geometric, tokens(211), None)


@with_library
def test_components_that_do_not_fit_are_refused():
    q, runs = (draw(3, 2, 8),), [Run(0, 1, 8)]
    for other in (draw(3, 2, 7), draw(3, 1, 8), draw(3, 2, 8).float()):
        with pytest.raises(ValueError, match="expected components"):
            bilinear_convolution(q, (other,), None, CROSS_PRODUCT, runs, "none")
    scalars = (draw(1, 2, 8), draw(3, 2, 8))
    with pytest.raises(ValueError, match="weights: expected"):
        bilinear_convolution(scalars, scalars, draw(5, 3), GEOMETRIC_PRODUCT, runs, "none")


def test_result_may_be_changed_in_place(engine):
    """The result is no view that autograd would refuse to see changed."""
    q, k = draw(9, 2, 3).requires_grad_(), draw(9, 2, 3)
    u = vector_long_conv(q, k)
    u += 1
    assert torch.autograd.grad(u.sum(), q)[0].shape == q.shape


def test_without_the_functions_there_is_no_library(monkeypatch):
    class Other:
        def __getattr__(self, name):
            raise AttributeError(name)

    for function in (mkl._library, mkl.available):
        monkeypatch.setattr(mkl, function.__name__, function.__wrapped__)
    monkeypatch.setattr(mkl.ctypes, "CDLL", lambda _: Other())
    assert not mkl.available()


@with_library
def test_a_library_that_computes_something_else_is_not_used(monkeypatch):
    monkeypatch.setattr(torch, "allclose", lambda *_, **__: False)
    assert not mkl.available.__wrapped__()
