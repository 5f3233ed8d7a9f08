"""Attention against its direct twins, forward and gradients; padding, packing, symmetry, memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geometric_hyena import operators
from geometric_hyena.geometry.rotations import random_rotation, reflection
from geometric_hyena.operators import reference, vector_attention

# operator, options of both twins, options of the fast one alone
CASES = [
    (name, options, kernel)
    for name, options in [
        ("scalar_attention", {}),
        ("scalar_attention", {"scale": "length"}),
        ("dot_product_vector_attention", {}),
        ("dot_product_vector_attention", {"scale": "channels"}),
    ]
    for kernel in ({}, {"fused": False})
] + [("cross_product_vector_attention", {"values": values}, {}) for values in ("equation", "code2")]
NAMES = sorted({name for name, _, _ in CASES})


def tokens(name, *lead, channels=2, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (*lead, channels) if name == "scalar_attention" else (*lead, channels, 3)
    return [3 * torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(3)]


def gradients(function, tensors, lengths, **options):
    tensors = [t.clone().requires_grad_() for t in tensors]
    out = function(*tensors, lengths, **options)
    cotangent = torch.sin(torch.arange(out.numel(), dtype=out.dtype) + 1)
    return out.detach(), torch.autograd.grad(out.flatten() @ cotangent, tensors)


def assert_agree(name, tensors, lengths, options, kernel):
    out, grads = gradients(getattr(operators, name), tensors, lengths, **options, **kernel)
    expected, expected_grads = gradients(getattr(reference, name), tensors, lengths, **options)
    torch.testing.assert_close(out, expected, rtol=1e-11, atol=1e-12)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("name", "options", "kernel"), CASES)
@pytest.mark.parametrize("length", [2, 3, 7, 16, 31, 61, 100])
def test_agrees_with_direct_sum(name, options, kernel, length):
    assert_agree(name, tokens(name, 2, length), None, options, kernel)


@pytest.mark.parametrize(("name", "options", "kernel"), CASES)
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=5), seed=st.integers(0, 10**6))
def test_agrees_on_ragged_batches(name, options, kernel, lengths, seed):
    tensors = tokens(name, len(lengths), max(lengths), seed=seed)
    assert_agree(name, tensors, torch.tensor(lengths), options, kernel)


@pytest.mark.parametrize("values", ["equation", "code2"])
@pytest.mark.parametrize("pairs", [1, 200, 1000])
def test_rows_at_a_time_change_nothing(monkeypatch, values, pairs):
    monkeypatch.setattr(vector_attention, "CHUNK_PAIRS", pairs)
    name = "cross_product_vector_attention"
    assert_agree(name, tokens(name, 2, 23), torch.tensor([23, 17]), {"values": values}, {})


@pytest.mark.parametrize(("name", "options", "kernel"), CASES)
@pytest.mark.parametrize("lengths", [[3, 5], [4, 4], [4]])
def test_gradcheck(name, options, kernel, lengths):
    tensors = [t.requires_grad_() for t in tokens(name, len(lengths), max(lengths), channels=1)]
    function, ragged = getattr(operators, name), torch.tensor(lengths)
    assert torch.autograd.gradcheck(lambda *t: function(*t, ragged, **options, **kernel), tensors)


@pytest.mark.parametrize("name", NAMES)
def test_packed_equals_padded(name):
    lengths = torch.tensor([5, 5, 11, 1, 16])
    padded, function = tokens(name, 5, 16), getattr(operators, name)
    real = torch.arange(16) < lengths[:, None]
    out = function(*padded, lengths)
    torch.testing.assert_close(out[real], function(*[t[real] for t in padded], lengths), rtol=0, atol=0)
    assert not out[~real].any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_alone_or_in_a_batch_the_same(name, dtype):
    tensors, function = tokens(name, 3, 40, dtype=dtype), getattr(operators, name)
    together = function(*tensors, torch.tensor([29, 40, 33]))
    alone = function(*[t[:1, :29] for t in tensors])
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(together[:1, :29], alone, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(function(*tensors, torch.tensor([40] * 3)), function(*tensors), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_padding_content_is_ignored(name):
    tensors, lengths = tokens(name, 2, 9), torch.tensor([4, 9])
    poisoned = [t.clone() for t in tensors]
    for t in poisoned:
        t[0, 4:] = float("nan")
    out, grads = gradients(getattr(operators, name), poisoned, lengths)
    torch.testing.assert_close(out, getattr(operators, name)(*tensors, lengths))
    assert all(torch.isfinite(g).all() for g in grads)
    assert not any(g[0, 4:].any() for g in grads)


@pytest.mark.parametrize("name", NAMES)
def test_any_strides(name):
    tensors, function = tokens(name, 2, 15), getattr(operators, name)
    strided = [t.transpose(0, -1).contiguous().transpose(0, -1) for t in tensors]
    torch.testing.assert_close(function(*strided), function(*tensors), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize("turn", [random_rotation(torch.Generator().manual_seed(1)), reflection()])
def test_vectors_rotate_and_reflect(name, turn):
    tensors, function = tokens(name, 2, 19), getattr(operators, name)
    turned = function(*[t @ turn.T for t in tensors])
    torch.testing.assert_close(turned, function(*tensors) @ turn.T, rtol=1e-10, atol=1e-12)


def test_the_listing_of_the_paper():
    """Code 2 of SE(3)-Hyena, as printed but for one channel axis."""
    q, k, v = (t[:, :, 0] for t in tokens("cross_product_vector_attention", 2, 9, channels=1))
    cross = torch.linalg.cross(q.unsqueeze(2), k.unsqueeze(1))
    s = torch.softmax(cross.norm(dim=-1, keepdim=True) / 9**0.5, dim=2) * cross
    listed = torch.linalg.cross(s, v.unsqueeze(2)).mean(dim=2)
    ours = operators.cross_product_vector_attention(
        q[:, :, None], k[:, :, None], v[:, :, None], values="code2"
    )
    torch.testing.assert_close(ours[:, :, 0], listed)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_close_to_single(name, dtype):
    tensors = tokens(name, 2, 37, dtype=dtype)
    out = getattr(operators, name)(*tensors)
    assert out.dtype == dtype
    expected = getattr(operators, name)(*[t.float() for t in tensors])
    torch.testing.assert_close(out.float(), expected, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_under_autocast_the_dtype_stays(name):
    tensors, function = tokens(name, 1, 33, dtype=torch.float32), getattr(operators, name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = function(*tensors)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, function(*tensors), rtol=0.05, atol=0.05)


def test_parallel_and_zero_vectors_have_finite_gradients():
    q = torch.tensor([1.0, 2.0, 3.0]).expand(5, 1, 3).clone()
    q[0] = 0
    _, grads = gradients(operators.cross_product_vector_attention, [q, 2 * q, torch.ones(5, 1, 3)], None)
    assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", NAMES)
def test_empty_batch(name):
    tensors = tokens(name, 0, 5)
    assert getattr(operators, name)(*tensors).shape == tensors[0].shape


def saved_bytes(call):
    """Bytes that autograd keeps for the backward, each storage once."""
    held = {}

    def keep(tensor):
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = call()
    assert out.requires_grad
    return sum(held.values())


@pytest.mark.parametrize(("name", "options", "kernel"), CASES)
def test_what_is_kept_for_the_backward_grows_with_the_length_or_its_square(name, options, kernel):
    def kept(length):
        tensors = [t.requires_grad_() for t in tokens(name, 1, length, dtype=torch.float32)]
        return saved_bytes(lambda: getattr(operators, name)(*tensors, **options, **kernel))

    growth = kept(1024) / kept(512)
    assert growth > 3.5 if kernel else growth < 2.2


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("q", lambda: operators.scalar_attention(*[torch.zeros(4)] * 3)),
        ("k", lambda: operators.scalar_attention(*[torch.zeros(1, n, 2) for n in (4, 5, 4)])),
        ("v", lambda: operators.scalar_attention(*[torch.zeros(1, n, 2) for n in (4, 4, 5)])),
        ("q", lambda: operators.dot_product_vector_attention(*[torch.zeros(1, 4, 2, 2)] * 3)),
        ("q", lambda: operators.cross_product_vector_attention(*[torch.zeros(1, 4, 2, 2)] * 3)),
        ("scale", lambda: operators.scalar_attention(*[torch.zeros(1, 4, 2)] * 3, scale="N")),
        ("values", lambda: operators.cross_product_vector_attention(*[torch.zeros(4, 2, 3)] * 3, values="j")),
        ("lengths", lambda: operators.dot_product_vector_attention(*[torch.zeros(6, 2, 3)] * 3, [2, 2])),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=f"^{argument}: expected"):
        call()
