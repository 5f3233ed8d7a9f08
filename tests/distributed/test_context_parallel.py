"""Several processes give the outputs and gradients of one, and say so when one of them is lost."""

import pytest

from distributed.checks import MODELS, STAGED, WHOLE, compare, lose_a_rank, refusals, reveal_pooled
from distributed.processes import succeed, together
from geometric_hyena.errors import InputError, LostRankError

# Sequences that span the ranks and some that do not, N that no number of ranks divides, N below the ranks.
SMOKE = [
    ("hyena", (13, 2, 2, 8), WHOLE),
    ("hyena", (17,), STAGED),
    ("hyena", (1,), STAGED),
    ("se3", (11,), WHOLE),
]
ALL = [
    *((name, (29, 3, 3, 7, 14), WHOLE) for name in MODELS),
    *((name, (31,), STAGED) for name in MODELS),
    *((name, (2,), limits) for name in MODELS for limits in (WHOLE, STAGED)),
    ("hyena", (4, 4, 4, 4, 4, 4), WHOLE),
    ("hyena", (1, 1, 1, 40), STAGED),
    ("hyena", (64,), WHOLE),
]


def agree(ranks, cases, kernels):
    for found in succeed(compare, ranks, cases, kernels):
        assert found.keys() == set(cases)
        for case, worst in found.items():
            assert worst < 1e-10, case


def test_two_processes_give_the_numbers_of_one():
    agree(2, SMOKE, "torch")


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_outputs_and_gradients_equal_those_of_one_process(ranks):
    agree(ranks, ALL, "native")


@pytest.mark.slow
def test_pooled_readouts_gradients_that_add_up_and_what_is_refused():
    for worst in succeed(reveal_pooled, 3):
        assert worst < 1e-10
    for errors in succeed(refusals, 2):
        texts = [str(error) for error in errors]
        assert all(isinstance(error, InputError) for error in errors)
        assert "give the model shard_batch(batch, group)" in texts[0]
        assert "GTransformer does not work on sharded tokens" in texts[1]
        assert "only GeometricHyena and SE3Hyena take" in texts[2]
        assert "sharded already" in texts[3]
        assert "the ranks hold 10 tokens together, the sequences' lengths add up to 9" in texts[4]


@pytest.mark.slow
def test_when_one_rank_is_killed_the_others_end_with_a_clear_error():
    found = together(lose_a_rank, 3)
    assert found[1] is None
    for rank in (0, 2):
        assert isinstance(found[rank], LostRankError), getattr(found[rank], "trace", found[rank])
        assert f"rank {rank} of 3" in str(found[rank])
        assert "another rank has ended or did not answer" in str(found[rank])
