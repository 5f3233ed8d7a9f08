"""Numbers of tokens go up until memory or patience ends, then the longest context is found in between."""

import pytest

from geometric_hyena.gpu_evidence.ladder import (
    FAILED,
    MEASURED,
    OUT_OF_MEMORY,
    SIZES,
    TOO_LONG,
    next_size,
)
from geometric_hyena.operators.fft import is_fast_length


def climbed(most, start=0):
    """Outcomes by size where `most` tokens fit."""
    found = {}
    while (length := next_size(found, SIZES, start)) is not None:
        assert length not in found
        found[length] = MEASURED if length <= most else OUT_OF_MEMORY
    return found


@pytest.mark.parametrize("most", [1024, 50_000, 65_536, 3_000_000, 17_123_456])
@pytest.mark.parametrize("start", [0, 1024, 32_768])
def test_the_longest_context_is_found(most, start):
    found = climbed(most, start)
    fits = max(n for n, outcome in found.items() if outcome == MEASURED)
    over = min(n for n, outcome in found.items() if outcome == OUT_OF_MEMORY)
    assert fits <= most < over
    assert over <= 1.125 * fits
    assert len(found) < 32
    assert all(is_fast_length(n) for n in found)


def test_what_the_paper_names_is_measured():
    assert {30_000, 2_700_000} <= climbed(5_000_000).keys()


def test_where_nothing_fits_it_ends():
    assert climbed(0) == dict.fromkeys(SIZES[:1], OUT_OF_MEMORY)
    assert climbed(0, start=SIZES[2]) == dict.fromkeys(SIZES[:3], OUT_OF_MEMORY)


@pytest.mark.parametrize("outcome", [TOO_LONG, FAILED])
def test_it_goes_no_further_than_patience(outcome):
    assert next_size({1024: MEASURED, 2048: outcome}) is None


def test_where_all_sizes_fit_nothing_more_is_known():
    assert next_size({8: MEASURED, 16: MEASURED}, (8, 16)) is None
