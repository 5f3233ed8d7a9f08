"""Blocks without gradients: the compiled stages against the steps that define them."""

from dataclasses import replace

import pytest
import torch

from geometric_hyena.layers.attention import CrossProductAttentionBlock, DotProductAttentionBlock
from geometric_hyena.layers.compiled_stages import CompiledStage, EnteringStage
from geometric_hyena.layers.context_block import MessageBlock
from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.operators.kernels import kernels
from layers.test_layers import geometry_of

pytest.importorskip("numba")

LENGTHS = [31, 31, 1, 7, 130]
SIZE = {"hidden": 16, "edges": 4, "global_tokens": 3}


def inputs(scalars, vectors, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    tokens = sum(LENGTHS)
    sizes = (tokens, scalars), (tokens, vectors, 3), (tokens, 3)
    drawn = (torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype) for size in sizes)
    scalars, vectors, positions = drawn
    geometry, _ = geometry_of(positions, LENGTHS, DistanceFeatures(10.0, 3).to(dtype))
    return scalars, vectors, replace(geometry, coefficients=geometry.coefficients.to(dtype))


@pytest.fixture(autouse=True)
def served(monkeypatch):
    """The answers of `serves`, so that a test knows which way was taken."""
    answers = []
    for kind in (CompiledStage, EnteringStage):
        asked = kind.serves
        monkeypatch.setattr(kind, "serves", lambda *a, asked=asked: answers.append(asked(*a)) or answers[-1])
    return answers


def compare(block, given, served, rtol=1e-12):
    served.clear()
    with torch.no_grad():
        with kernels("native"):
            found = block(*given)
        assert set(served) == {True}
        with kernels("torch"):
            expected = block(*given)
    for x, y in zip(found, expected, strict=True):
        torch.testing.assert_close(x, y, rtol=rtol, atol=rtol * float(y.abs().max()))


KINDS = [
    (GeometricHyenaBlock, {}),
    (GeometricHyenaBlock, {"gate": "none"}),
    (GeometricHyenaBlock, {"kv_norm": "none"}),
    (GeometricHyenaBlock, {"interaction": False}),
    (GeometricHyenaBlock, {"padding": "zero"}),
    (DotProductAttentionBlock, {}),
    (CrossProductAttentionBlock, {}),
    (MessageBlock, {}),
]


@pytest.mark.parametrize(("block", "options"), KINDS)
@pytest.mark.parametrize("chunk", [13, 1024])
def test_every_kind_of_block_agrees(block, options, chunk, served):
    torch.manual_seed(0)
    made = block(12, 5, projection=SIZE, **options).double()
    with token_limits(chunk, 0):
        compare(made, inputs(12, 5), served)


@pytest.mark.parametrize("left_out", ["local_messages", "global_messages"])
def test_either_kind_of_message_may_be_missing(left_out, served):
    made = GeometricHyenaBlock(12, 5, projection={**SIZE, left_out: False}).double()
    compare(made, inputs(12, 5), served)


def test_single_precision_agrees_to_its_rounding(served):
    made = GeometricHyenaBlock(12, 5, projection=SIZE)
    compare(made, inputs(12, 5, torch.float32), served, rtol=1e-5)


def test_tokens_that_already_come_last_are_read_where_they_are(served):
    made = GeometricHyenaBlock(12, 5, projection=SIZE).double()
    scalars, vectors, geometry = inputs(12, 5)
    turned = scalars.T.contiguous().T, vectors.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    before = [x.clone() for x in turned]
    compare(made, (*turned, geometry), served)
    assert all(torch.equal(x, y) for x, y in zip(turned, before, strict=True))


@pytest.mark.parametrize("block", [GeometricHyenaBlock, DotProductAttentionBlock])
def test_one_channel_and_one_token(block, served):
    made = block(1, 1, projection=SIZE).double()
    positions, token = torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    geometry, _ = geometry_of(positions, [1], DistanceFeatures(10.0, 3).double())
    compare(made, (token, torch.ones(1, 1, 3, dtype=torch.float64), geometry), served)
    compare(made, inputs(1, 1), served)


def test_two_threads_find_the_same(served):
    made = GeometricHyenaBlock(12, 5, projection=SIZE).double()
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        compare(made, inputs(12, 5), served)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("options", "hidden"), [({"gate": "k"}, 16), ({"kv_norm": "l1"}, 16), ({"kv_norm": "linf"}, 16), ({}, 10)]
)
def test_what_the_kernels_do_not_know_goes_the_other_way(options, hidden, served):
    made = GeometricHyenaBlock(12, 5, projection={**SIZE, "hidden": hidden}, **options).double()
    scalars, vectors, geometry = inputs(12, 5)
    with torch.no_grad():
        found = made(scalars, vectors, geometry)
        with kernels("torch"):
            expected = made(scalars, vectors, geometry)
    assert not all(served)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


def test_a_neighbour_that_is_not_there_is_an_error():
    made = GeometricHyenaBlock(12, 5, projection=SIZE).double()
    scalars, vectors, geometry = inputs(12, 5)
    geometry.index[3, 0] = sum(LENGTHS)
    geometry.coefficients[3, 0] = 1
    with torch.no_grad(), pytest.raises(IndexError, match="index"):
        made(scalars, vectors, geometry)
