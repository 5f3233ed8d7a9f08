"""Figures 1 and 5: the papers' numbers beside those that the measured rows give."""

import pytest

from geometric_hyena.benchmarks import one_layer
from geometric_hyena.benchmarks.published import GEOMETRIC_HYENA
from geometric_hyena.reproduce import runtime

GIB = 1 << 30


def row(model, length, seconds, ratio, per_token):
    return {
        "N": length,
        "model": model,
        "mode": "forward",
        "seconds": seconds,
        "time / ours": ratio,
        "bytes per token": per_token,
        "bytes per token with inputs": per_token,
    }


@pytest.fixture
def found():
    """Ours, 20 KiB a token; the twin's memory quadratic, 10 times as slow at N = 30,000."""
    ours = [row("geometric-hyena", n, 1e-5 * n, 1.0, 20_480) for n in (10_000, 30_000)]
    twin = [row("g-transformer", n, 1e-4 * n, 10.0, 8.0 * n) for n in (10_000, 30_000)]
    return [*ours, *twin]


def test_what_a_paper_says_stands_beside_what_was_measured(found):
    said = {
        (r["layer"], r["what"]): (r["paper"], r["here"])
        for r in runtime._beside(one_layer.OURS, GEOMETRIC_HYENA, found)
    }
    assert said["g-transformer", "time / ours, N = 30,000"] == (20, 10.0)
    assert said["g-transformer", "memory / ours, N = 30,000"] == (None, pytest.approx(240_000 / 20_480))
    tokens = 24 * GIB // 20_480
    assert said["geometric-hyena", "tokens, 24 GiB"] == (2_700_000, pytest.approx(tokens, rel=1e-4))
    longer = tokens / (24 * GIB / 8) ** 0.5
    assert said["g-transformer", "tokens of ours / tokens, 24 GiB"] == (72, pytest.approx(longer, rel=1e-3))


def test_what_was_not_reached_is_left_empty(found):
    short = [r for r in found if r["N"] < 30_000 or r["model"] == one_layer.OURS]
    said = {
        (r["layer"], r["what"]): r["here"] for r in runtime._beside(one_layer.OURS, GEOMETRIC_HYENA, short)
    }
    assert said["g-transformer", "time / ours, N = 30,000"] is None
    assert said["g-transformer", "memory / ours, N = 30,000"] is None


def test_both_figures_are_drawn_from_one_measurement(monkeypatch, found):
    calls = []

    def measure(lengths, limit):
        calls.append((lengths, limit))
        return found

    time, memory = runtime._parts("figure1", measure, one_layer.OURS, GEOMETRIC_HYENA, {}, {})
    sizes = {"lengths": [10_000, 30_000], "limit": 5}
    assert time.measure(**sizes).curves["g-transformer"] == {10_000: 1.0, 30_000: 3.0}
    assert memory.measure(**sizes).curves["geometric-hyena"][30_000] == pytest.approx(30_000 * 20_480 / 2**20)
    (growth,) = memory.measure(**sizes).tables.values()
    assert [r["exponent of memory"] for r in growth] == pytest.approx([1, 2])
    assert set(calls) == {((10_000, 30_000), 5)}


def test_nothing_is_timed_where_the_check_fails():
    def wrong():
        raise AssertionError("one differs from the other")

    with pytest.raises(runtime.GHyenaError, match="nothing is timed: one differs from the other"):
        runtime._checked(wrong)
