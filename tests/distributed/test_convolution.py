"""Both ways of a sharded convolution, over threads, against one process; and which of them is taken."""

import pytest
import torch

from distributed.thread_ranks import in_threads
from geometric_hyena.distributed import four_step
from geometric_hyena.distributed.convolution import sharded_convolution
from geometric_hyena.distributed.costs import Channels
from geometric_hyena.operators.convolution import SequenceConvolution
from geometric_hyena.operators.products import CROSS_PRODUCT, GEOMETRIC_PRODUCT, SCALAR_PRODUCT
from geometric_hyena.operators.segments import equal_length_runs

FOUR_STEP, TRANSPOSED = four_step.SENT, "transposition for the convolution"


def inputs(product, channels, tokens):
    generator = torch.Generator().manual_seed(3)

    def leaf(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64) + 2

    q = tuple(leaf(size, channels, tokens) for size in product.out_parts)
    k = tuple(leaf(size, channels, tokens) for size in product.out_parts)
    return q, k, leaf(5, channels) if product.weight_count else None


def differentiated(convolve, q, k, weights, own=slice(None)):
    leaves = [x[..., own].clone().requires_grad_() for x in (*q, *k)]
    learned = [] if weights is None else [weights.clone().requires_grad_()]
    u = convolve(tuple(leaves[: len(q)]), tuple(leaves[len(q) :]), learned[0] if learned else None)
    torch.cat(u).square().sum().backward()
    with torch.no_grad():
        plain = convolve(
            tuple(x[..., own].clone() for x in q), tuple(x[..., own].clone() for x in k), weights
        )
    return [*u, *plain, *(leaf.grad for leaf in leaves)], [leaf.grad for leaf in learned]


def compare(product, channels, lengths, ranks, norm="length"):
    """What was sent, by which way; after outputs and gradients agreed."""
    convolution, runs, tokens = SequenceConvolution(product, norm), equal_length_runs(lengths), sum(lengths)
    q, k, weights = inputs(product, channels, tokens)
    bounds = [rank * tokens // ranks for rank in range(ranks + 1)]
    expected, expected_weights = differentiated(lambda q, k, w: convolution(q, k, w, runs), q, k, weights)

    def work(here):
        own = slice(bounds[here.rank], bounds[here.rank + 1])
        found = differentiated(
            lambda q, k, w: sharded_convolution(convolution, q, k, w, runs, bounds, here), q, k, weights, own
        )
        return own, *found, here.sent

    found = in_threads(work, ranks)
    for own, tensors, _, _ in found:
        for ours, theirs in zip(tensors, expected, strict=True):
            torch.testing.assert_close(ours, theirs[..., own], rtol=1e-10, atol=1e-10)
    for i, theirs in enumerate(expected_weights):
        total = sum(one[2][i] for one in found if one[2][i] is not None)
        torch.testing.assert_close(total, theirs, rtol=1e-10, atol=1e-10)
    return found[0][3]


@pytest.mark.parametrize("ranks", [2, 3, 4])
@pytest.mark.parametrize("lengths", [(37,), (5, 3, 3, 50, 2), (7, 7, 7, 7), (1, 1)])
def test_transposed_convolutions_equal_those_of_one_process(ranks, lengths):
    sent = compare(GEOMETRIC_PRODUCT, 5, lengths, ranks)
    assert FOUR_STEP not in sent
    compare(SCALAR_PRODUCT, 4, lengths, ranks, "none")


@pytest.mark.parametrize(
    ("ranks", "lengths"),
    [(3, (96,)), (4, (160,)), (4, (101,)), (5, (101,)), (4, (2, 131, 64, 64)), (5, (2, 131, 64, 64))],
)
def test_distributed_ffts_equal_those_of_one_process(ranks, lengths):
    assert compare(GEOMETRIC_PRODUCT, 1, lengths, ranks)[FOUR_STEP] > 0
    compare(CROSS_PRODUCT, 1, lengths, ranks, "sqrt_length")


def test_each_way_is_taken_where_it_moves_fewer_numbers():
    assert TRANSPOSED not in compare(CROSS_PRODUCT, 1, (160,), 4)
    assert FOUR_STEP not in compare(CROSS_PRODUCT, 2, (160,), 4)
    # At an awkward length the FFT takes twice the places; where it is short, ranks would have none of them.
    assert FOUR_STEP not in compare(CROSS_PRODUCT, 1, (163,), 2)
    assert FOUR_STEP not in compare(CROSS_PRODUCT, 1, (12,), 4)


def test_what_is_sent_is_what_the_costs_say():
    # Forward and backward, and forward once more without gradients; bounds and channels are even.
    for ranks, tokens in ((2, 40), (4, 64)):
        sent = compare(CROSS_PRODUCT, 4, (tokens,), ranks)[TRANSPOSED]
        assert sent == 3 * Channels(4, 3).transposition(ranks) * tokens / ranks
    sent = compare(CROSS_PRODUCT, 1, (4096,), 4)[FOUR_STEP]
    asked = 3 * Channels(1, 3).four_step(4) * 4096 / 4
    assert asked < sent < 1.02 * asked  # one frequency more than half of the column's


def test_matrices_are_fast_and_give_every_rank_a_share():
    assert four_step.matrix_shape(4096, 4) == (64, 64)
    n1, n2 = four_step.matrix_shape(1009, 4)
    assert n1 * n2 >= 2 * 1009 - 1
    assert four_step.matrix_shape(8, 4) is None
