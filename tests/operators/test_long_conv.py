"""The long convolutions against their direct O(N^2) twins, forward and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geometric_hyena import operators
from geometric_hyena.geometry.rotations import random_rotation
from geometric_hyena.operators import reference
from geometric_hyena.operators.fft import fft_length, is_fast_length

LENGTHS = [1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 31, 61, 64, 97, 100, 210]
NORMS = ["length", "sqrt_length", "none"]
NAMES = ["scalar_long_conv", "vector_long_conv", "geometric_long_conv"]


def inputs(name, batch, length, channels=2, dtype=torch.float64, seed=0, packed=False):
    generator = torch.Generator().manual_seed(seed)
    lead = (batch * length,) if packed else (batch, length)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    if name == "scalar_long_conv":
        return [draw(*lead, channels) for _ in range(2)]
    if name == "vector_long_conv":
        return [draw(*lead, channels, 3) for _ in range(2)]
    tokens = [draw(*lead, channels), draw(*lead, channels, 3)] * 1
    return [*tokens, draw(*lead, channels), draw(*lead, channels, 3), draw(5, channels)]


def flat(result):
    return torch.cat([r.flatten() for r in result]) if isinstance(result, tuple) else result.flatten()


def gradients(function, tensors, lengths, norm):
    tensors = [t.clone().requires_grad_() for t in tensors]
    out = flat(function(*tensors, lengths, norm=norm))
    cotangent = torch.sin(torch.arange(out.numel(), dtype=out.dtype) + 1)
    return out.detach(), torch.autograd.grad(out @ cotangent, tensors)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", LENGTHS)
def test_agrees_with_direct_sum(name, length):
    tensors = inputs(name, 2, length)
    for norm in NORMS:
        out, grads = gradients(getattr(operators, name), tensors, None, norm)
        expected, expected_grads = gradients(getattr(reference, name), tensors, None, norm)
        torch.testing.assert_close(out, expected, rtol=1e-11, atol=1e-12)
        for grad, expected_grad in zip(grads, expected_grads, strict=True):
            torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5), seed=st.integers(0, 10**6))
def test_agrees_on_ragged_batches(name, lengths, seed):
    longest = max(lengths)
    tensors = inputs(name, len(lengths), longest, seed=seed)
    ragged = torch.tensor(lengths)
    out, grads = gradients(getattr(operators, name), tensors, ragged, "length")
    expected, expected_grads = gradients(getattr(reference, name), tensors, ragged, "length")
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-12)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lengths", [[3, 5], [1, 1], [8, 7], [4]])
def test_gradcheck(name, lengths):
    tensors = [t.requires_grad_() for t in inputs(name, len(lengths), max(lengths), channels=1)]
    ragged = torch.tensor(lengths)
    assert torch.autograd.gradcheck(lambda *t: getattr(operators, name)(*t, ragged), tensors)


@pytest.mark.parametrize("name", NAMES)
def test_packed_equals_padded(name):
    lengths = torch.tensor([5, 5, 11, 1, 16])
    padded = inputs(name, 5, 16)
    real = torch.arange(16) < lengths[:, None]
    packed = [t if t.shape[0] == 5 and t.ndim == 2 else t[real] for t in padded]
    function = getattr(operators, name)
    out_padded, out_packed = function(*padded, lengths), function(*packed, lengths)
    if not isinstance(out_padded, tuple):
        out_padded, out_packed = (out_padded,), (out_packed,)
    for a, b in zip(out_padded, out_packed, strict=True):
        torch.testing.assert_close(a[real], b, rtol=0, atol=0)
        assert not a[~real].any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [24, 29])
def test_alone_or_in_a_batch_bitwise_the_same(name, length):
    tensors = inputs(name, 3, 40, dtype=torch.float32)
    lengths = torch.tensor([length, 40, 33])
    weights = tensors[4:]
    together = getattr(operators, name)(*tensors, lengths)
    alone = getattr(operators, name)(*[t[:1, :length] for t in tensors[:4]], *weights)
    if not isinstance(together, tuple):
        together, alone = (together,), (alone,)
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a[:1, :length], b)


@pytest.mark.parametrize("name", NAMES)
def test_padding_content_is_ignored(name):
    tensors = inputs(name, 2, 9)
    lengths = torch.tensor([4, 9])
    poisoned = [t.clone() for t in tensors]
    for t in poisoned[:4]:
        t[0, 4:] = float("nan")
    clean = flat(getattr(operators, name)(*tensors, lengths))
    out, grads = gradients(getattr(operators, name), poisoned, lengths, "length")
    torch.testing.assert_close(out, clean)
    assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", NAMES)
def test_any_strides(name):
    tensors = inputs(name, 2, 15)
    strided = [t.transpose(0, -1).contiguous().transpose(0, -1) for t in tensors]
    function = getattr(operators, name)
    torch.testing.assert_close(flat(function(*strided)), flat(function(*tensors)), rtol=0, atol=1e-15)


@pytest.mark.parametrize("length", [61, 64])
def test_vectors_rotate_and_scalars_stay(length):
    q_s, q_v, k_s, k_v, w = inputs("geometric_long_conv", 2, length)
    rotation = random_rotation(torch.Generator().manual_seed(1))
    scalar, vector = operators.geometric_long_conv(q_s, q_v, k_s, k_v, w)
    turned = operators.geometric_long_conv(q_s, q_v @ rotation.T, k_s, k_v @ rotation.T, w)
    torch.testing.assert_close(turned[0], scalar)
    torch.testing.assert_close(turned[1], vector @ rotation.T)


@pytest.mark.parametrize("length", [30_000, 30_011])
def test_large_mean_does_not_drown_the_fluctuation(length):
    """Inputs with a mean far above their fluctuation keep float32 accuracy in the output's fluctuation."""
    tensors = inputs("vector_long_conv", 1, length, channels=1)
    tensors = [t + 10 for t in tensors]
    exact = operators.vector_long_conv(*tensors)
    rounded = operators.vector_long_conv(*[t.float() for t in tensors]).double()
    error = ((rounded - rounded.mean(1)) - (exact - exact.mean(1))).square().mean().sqrt()
    fluctuation = (exact - exact.mean(1)).square().mean().sqrt()
    assert error / fluctuation < 2e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_convolved_in_float32(dtype):
    q, k = inputs("vector_long_conv", 2, 37, dtype=dtype)
    out = operators.vector_long_conv(q, k)
    assert out.dtype == dtype
    torch.testing.assert_close(out, operators.vector_long_conv(q.float(), k.float()).to(dtype))


def test_under_autocast_stays_in_float32():
    q, k = inputs("scalar_long_conv", 1, 33, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = operators.scalar_long_conv(q, k)
    assert torch.equal(out, operators.scalar_long_conv(q, k))


def test_empty_batch():
    assert operators.scalar_long_conv(torch.zeros(0, 5, 2), torch.zeros(0, 5, 2)).shape == (0, 5, 2)


BAD = [
    ("q", lambda: operators.scalar_long_conv(torch.zeros(4), torch.zeros(4))),
    ("q", lambda: operators.scalar_long_conv(torch.zeros(1, 4, 2).long(), torch.zeros(1, 4, 2))),
    ("k", lambda: operators.scalar_long_conv(torch.zeros(1, 4, 2), torch.zeros(1, 5, 2))),
    ("k", lambda: operators.scalar_long_conv(torch.zeros(1, 4, 2), torch.zeros(1, 4, 2).double())),
    ("q", lambda: operators.vector_long_conv(torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2))),
    ("lengths", lambda: operators.scalar_long_conv(*[torch.zeros(1, 4, 2)] * 2, torch.tensor([5]))),
    ("lengths", lambda: operators.scalar_long_conv(*[torch.zeros(1, 4, 2)] * 2, torch.tensor([0]))),
    ("lengths", lambda: operators.scalar_long_conv(*[torch.zeros(1, 4, 2)] * 2, torch.tensor([2, 2]))),
    ("lengths", lambda: operators.scalar_long_conv(*[torch.zeros(1, 4, 2)] * 2, torch.tensor([2.0]))),
    ("lengths", lambda: operators.scalar_long_conv(*[torch.zeros(6, 2)] * 2, torch.tensor([2, 2]))),
    ("norm", lambda: operators.scalar_long_conv(*[torch.zeros(1, 4, 2)] * 2, norm="n")),
    (
        "weights",
        lambda: operators.geometric_long_conv(
            *[torch.zeros(1, 4, 2), torch.zeros(1, 4, 2, 3)] * 2, torch.zeros(4, 2)
        ),
    ),
    (
        "k_vector",
        lambda: operators.geometric_long_conv(
            torch.zeros(1, 4, 2),
            torch.zeros(1, 4, 2, 3),
            torch.zeros(1, 4, 2),
            torch.zeros(1, 4, 1, 3),
            torch.zeros(5, 2),
        ),
    ),
]


@pytest.mark.parametrize(("argument", "call"), BAD)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=f"^{argument}: expected"):
        call()


@settings(deadline=None)
@given(st.integers(1, 10**7))
def test_fft_length_is_the_length_or_long_enough_to_fold(length):
    chosen = fft_length(length)
    assert chosen == length or chosen >= 2 * length - 1
    assert is_fast_length(chosen)
    assert chosen <= max(4, 3 * length)
