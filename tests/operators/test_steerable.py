"""The steerable long convolution against its direct twin, its special cases, and rotations."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geometric_hyena.operators import (
    geometric_long_conv,
    reference,
    scalar_long_conv,
    steerable_long_conv,
    vector_long_conv,
)
from geometric_hyena.operators.clebsch_gordan import clebsch_gordan, couple
from geometric_hyena.operators.kernels import kernels
from geometric_hyena.operators.products import GEOMETRIC_PRODUCT
from geometric_hyena.operators.steerable import coupling_terms, steerable_couplings, steerable_product
from geometric_hyena.testing import relative_error

o3 = pytest.importorskip("e3nn.o3")
NORMS = ["length", "sqrt_length", "none"]
KINDS = [(1, False), (2, False), (2, True), (3, False), (3, True)]


ANGLES = torch.tensor([0.7, -1.9, 2.6], dtype=torch.float64)


def wigner_matrix(degree):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # e3nn makes the generators in the default type
    try:
        return o3.wigner_D(degree, *ANGLES)
    finally:
        torch.set_default_dtype(before)


def features(degrees, lead, channels=2, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return {
        degree: torch.randn(*lead, channels, 2 * degree + 1, generator=generator, dtype=dtype)
        for degree in degrees
    }


def weights_of(degrees, scalarisation=False, channels=2):
    count = len(steerable_couplings(degrees, degrees, degrees, scalarisation=scalarisation))
    return torch.randn(count, channels, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def problem(l_max, lead, scalarisation=False, channels=2, seed=0):
    degrees = range(l_max + 1)
    q, k = (features(degrees, lead, channels, seed + i) for i in range(2))
    return q, k, weights_of(degrees, scalarisation, channels)


def gradients(function, q, k, weights, lengths=None, **options):
    leaves = [t.clone().requires_grad_() for t in (*q.values(), *k.values(), weights)]
    out = function(
        dict(zip(q, leaves[: len(q)], strict=True)),
        dict(zip(k, leaves[len(q) : -1], strict=True)),
        leaves[-1],
        lengths,
        **options,
    )
    flat = torch.cat([u.flatten() for u in out.values()])
    cotangent = torch.sin(torch.arange(flat.numel(), dtype=flat.dtype) + 1)
    return flat.detach(), torch.autograd.grad(flat @ cotangent, leaves, materialize_grads=True)


def assert_twins_agree(*arguments, **options):
    out, grads = gradients(steerable_long_conv, *arguments, **options)
    expected, expected_grads = gradients(reference.steerable_long_conv, *arguments, **options)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-11)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("l_max", "scalarisation"), KINDS)
@pytest.mark.parametrize("length", [1, 2, 3, 7, 13, 16])
def test_agrees_with_direct_sum(l_max, scalarisation, length):
    arguments = problem(l_max, (2, length), scalarisation)
    assert_twins_agree(*arguments, scalarisation=scalarisation, norm=NORMS[length % 3])


@settings(max_examples=10, deadline=None)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), seed=st.integers(0, 10**6))
def test_agrees_on_ragged_batches(lengths, seed):
    arguments = problem(2, (len(lengths), max(lengths)), seed=seed)
    assert_twins_agree(*arguments, torch.tensor(lengths))


def test_agrees_for_other_degrees_of_queries_keys_and_result():
    """Some components of the queries take part in no coupling: their gradient is zero, not left unset."""
    q, k = features([0, 1, 3], (2, 7)), features([1, 0], (2, 7), seed=1)
    count = len(steerable_couplings(q, k, [1]))
    weights = torch.randn(count, 2, dtype=torch.float64)
    assert_twins_agree(q, k, weights, out_degrees=[1])
    _, grads = gradients(steerable_long_conv, q, k, weights, out_degrees=[1])
    assert not grads[2].any()


@pytest.mark.parametrize("lengths", [[3, 5], [4]])
def test_gradcheck(lengths):
    q, k, weights = problem(2, (len(lengths), max(lengths)), channels=1)
    leaves = [t.requires_grad_() for t in (*q.values(), *k.values(), weights)]

    def call(*t):
        u = steerable_long_conv(dict(enumerate(t[:3])), dict(enumerate(t[3:6])), t[6], torch.tensor(lengths))
        return tuple(u.values())

    assert torch.autograd.gradcheck(call, leaves, fast_mode=True)


def test_packed_equals_padded_and_padding_is_ignored():
    lengths = torch.tensor([5, 5, 11, 1, 16])
    q, k, weights = problem(2, (5, 16))
    real = torch.arange(16) < lengths[:, None]
    for t in (*q.values(), *k.values()):
        t[~real] = float("nan")
    padded = steerable_long_conv(q, k, weights, lengths)
    packed = steerable_long_conv(*({d: t[real] for d, t in x.items()} for x in (q, k)), weights, lengths)
    for degree, u in padded.items():
        assert torch.equal(u[real], packed[degree])
        assert not u[~real].any()


@pytest.mark.parametrize(("l_max", "scalarisation"), KINDS)
def test_turns_with_its_inputs(l_max, scalarisation):
    q, k, weights = problem(l_max, (2, 11), scalarisation)
    wigner = {degree: wigner_matrix(degree) for degree in range(l_max + 1)}

    def turned(x):
        return {degree: t @ wigner[degree].T for degree, t in x.items()}

    before = turned(steerable_long_conv(q, k, weights, scalarisation=scalarisation))
    after = steerable_long_conv(turned(q), turned(k), weights, scalarisation=scalarisation)
    for degree, expected in before.items():
        torch.testing.assert_close(after[degree], expected, rtol=1e-9, atol=1e-10)


def test_degree_one_is_x_y_z():
    """Angles about y, x, y, as e3nn has them: its matrix of degree 1 turns vectors."""
    a, b, c = ANGLES
    turn = o3.matrix_y(a) @ o3.matrix_x(b) @ o3.matrix_y(c)
    torch.testing.assert_close(wigner_matrix(1), turn, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("norm", NORMS)
def test_one_by_one_to_one_is_the_vector_convolution(norm):
    q, k = features([1], (2, 37)), features([1], (2, 37), seed=1)
    u = steerable_long_conv(q, k, norm=norm)
    assert list(u) == [1]
    torch.testing.assert_close(u[1], vector_long_conv(q[1], k[1], norm=norm), rtol=1e-12, atol=1e-14)


def test_one_by_one_to_zero_is_the_dot_product():
    q, k = features([1], (2, 37)), features([1], (2, 37), seed=1)
    u = steerable_long_conv(q, k, out_degrees=[0])[0][..., 0]
    expected = sum(scalar_long_conv(q[1][..., h], k[1][..., h]) for h in range(3))
    torch.testing.assert_close(u, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_degrees_up_to_one_are_the_geometric_convolution(dtype):
    q, k, weights = problem(1, (2, 37))
    q, k = ({d: t.to(dtype) for d, t in x.items()} for x in (q, k))
    weights = weights.to(dtype)
    u = steerable_long_conv(q, k, weights)
    scalar, vector = geometric_long_conv(q[0][..., 0], q[1], k[0][..., 0], k[1], weights)
    assert torch.equal(u[0][..., 0], scalar)
    assert torch.equal(u[1], vector)


def test_the_terms_of_degrees_up_to_one_are_those_of_the_geometric_product():
    degrees = (0, 1)
    terms = coupling_terms(steerable_couplings(degrees, degrees, degrees), degrees, degrees, degrees)
    assert sorted(terms) == sorted(GEOMETRIC_PRODUCT.terms)
    assert steerable_product(degrees, degrees, degrees) is GEOMETRIC_PRODUCT


@pytest.mark.parametrize("degree", range(4))
def test_couplings_with_scalars_and_to_scalars_are_the_plain_and_the_dot_product(degree):
    identity = torch.eye(2 * degree + 1, dtype=torch.float64)
    assert torch.equal(clebsch_gordan(0, degree, degree)[0], identity)
    assert torch.equal(clebsch_gordan(degree, 0, degree)[:, 0], identity)
    assert torch.equal(clebsch_gordan(degree, degree, 0)[..., 0], identity)


def test_coupling_of_two_vectors_is_the_cross_product():
    a, b = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(couple(a, b, 1), torch.linalg.cross(a, b), rtol=1e-13, atol=1e-15)


def test_scalarisation_keeps_low_order_terms_and_products_with_scalars():
    kept = steerable_couplings(range(3), range(3), range(3), scalarisation=True)
    low = steerable_couplings(range(2), range(2), range(2))
    assert set(kept) == {*low, (2, 0, 2), (2, 2, 0)}


def test_coefficients_made_without_gradients_take_part_in_training():
    clebsch_gordan.cache_clear()
    with torch.inference_mode():
        clebsch_gordan(2, 2, 2)
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    couple(x, x, 2).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_degrees_up_to_one_need_no_e3nn(monkeypatch):
    monkeypatch.setitem(sys.modules, "e3nn.o3", None)
    clebsch_gordan.cache_clear()
    steerable_product.cache_clear()
    low = features([0, 1], (1, 9))
    steerable_long_conv(low, low)
    high = features([0, 2], (1, 9))
    with pytest.raises(ImportError, match=r"geometric-hyena\[baselines\]"):
        steerable_long_conv(high, high)


GOOD = {0: torch.zeros(1, 4, 2, 1), 2: torch.zeros(1, 4, 2, 5)}
BAD = [
    ("q", torch.zeros(1, 4, 2, 3), GOOD, {}),
    ("q", {}, GOOD, {}),
    ("q", {-1: torch.zeros(1, 4, 2, 1)}, GOOD, {}),
    (r"q\[2\]", {2: torch.zeros(1, 4, 2, 3)}, GOOD, {}),
    (r"q\[2\]", {2: torch.zeros(4, 5)}, GOOD, {}),
    (r"k\[2\]", GOOD, GOOD | {2: torch.zeros(1, 4, 3, 5)}, {}),
    (r"k\[0\]", GOOD, GOOD | {0: torch.zeros(1, 4, 2, 1).double()}, {}),
    ("weights", GOOD, GOOD, {"weights": torch.zeros(3, 2)}),
    ("weights", GOOD, GOOD, {"weights": 1.0}),
    ("lengths", GOOD, GOOD, {"lengths": torch.tensor([5])}),
    ("norm", GOOD, GOOD, {"norm": "n"}),
    ("out_degrees", GOOD, GOOD, {"out_degrees": [5]}),
    ("out_degrees", GOOD, GOOD, {"out_degrees": [2, 2]}),
    ("out_degrees", GOOD, GOOD, {"out_degrees": [3], "scalarisation": True}),
]


@pytest.mark.parametrize(("argument", "q", "k", "options"), BAD)
def test_bad_arguments_are_named(argument, q, k, options):
    with pytest.raises(ValueError, match=f"^{argument}: expected"):
        steerable_long_conv(q, k, **options)


def test_degrees_that_do_not_couple_are_named():
    with pytest.raises(ValueError, match=r"^out: expected a degree from 1 to 3"):
        clebsch_gordan(1, 2, 4)


def cast(arguments, dtype):
    q, k, weights = arguments
    return *({degree: t.to(dtype) for degree, t in x.items()} for x in (q, k)), weights.to(dtype)


@pytest.mark.parametrize("choice", ["torch", "native"])
@pytest.mark.parametrize(("l_max", "scalarisation"), KINDS)
@pytest.mark.parametrize("length", [1, 2, 30, 523, 1100])
def test_single_precision_of_either_kernel_agrees_with_double(choice, l_max, scalarisation, length):
    """Inputs with a mean: the bin that carries it must not drown the others in the weights' sums."""
    if choice == "native":
        pytest.importorskip("numba")
    q, k, weights = problem(l_max, (2, length), scalarisation)
    problems = ({d: t + 1 for d, t in q.items()}, {d: t - 2 for d, t in k.items()}, weights)
    with kernels("torch"):
        expected, expected_grads = gradients(steerable_long_conv, *problems, scalarisation=scalarisation)
    with kernels(choice):
        single = cast(problems, torch.float32)
        out, grads = gradients(steerable_long_conv, *single, scalarisation=scalarisation)
    for a, b in zip((out, *grads), (expected, *expected_grads), strict=True):
        assert relative_error(a.double(), b) < 2e-5
    with kernels(choice):
        assert all(
            map(torch.equal, grads, gradients(steerable_long_conv, *single, scalarisation=scalarisation)[1])
        )
