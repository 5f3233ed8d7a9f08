import math

import pytest

from geometric_hyena.report.headline import headline
from geometric_hyena.report.numbers import format_number, format_ratio


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.147, "0.147"),
        (0.0849, "0.0849"),
        (12345.6, "12,346"),
        (-2.5, "−2.50"),
        (0.0, "0"),
        (3.2e-7, "3.20e−7"),
        (math.nan, "NaN"),
        (-math.inf, "−∞"),
    ],
)
def test_format_number(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.754, "0.75"), (0.9992, "0.999"), (1.0, "1.00"), (1.0004, "1.0004"), (21.8, "21.80")],
)
def test_a_ratio_that_is_not_one_never_reads_as_one(value, text):
    assert format_ratio(value) == text


def rows(**errors):
    return {name: {"mse": value} for name, value in errors.items()}


def test_a_win_is_said_with_its_margin():
    sentence, verdict = headline(rows(model=0.147, no_motion=0.195, linear_motion=3.0), "on new data")
    assert sentence == "Test MSE 0.147 Å²: 0.75 of no motion (0.195), on new data."
    assert verdict == "good"


@pytest.mark.parametrize("ours", [0.195, 0.3])
def test_a_tie_or_a_loss_against_no_motion_is_said_first(ours):
    sentence, verdict = headline(rows(model=ours, no_motion=0.195))
    assert sentence.startswith("Not better than predicting no motion")
    assert verdict == "bad"


def test_a_loss_against_another_baseline_is_said_first():
    sentence, verdict = headline(rows(model=0.147, no_motion=0.195, mean_displacement=0.14))
    assert sentence.startswith("Not better than a trivial baseline, mean displacement (0.140)")
    assert "0.75 of no motion" in sentence
    assert verdict == "bad"


def test_a_failed_training_is_said():
    assert headline(rows(model=math.nan, no_motion=0.195))[1] == "bad"
    assert headline({"no_motion": {"mse": 0.195}})[1] == "bad"


def test_odd_baselines():
    assert headline(rows(model=0.1)) == ("Test MSE 0.100 Å².", "neutral")
    assert (
        headline(rows(model=0.1, linear_motion=0.2))[0] == "Test MSE 0.100 Å²: 0.50 of linear motion (0.200)."
    )
    assert headline(rows(model=0.1, no_motion=0.0))[1] == "bad"
    assert headline(rows(model=0.1, no_motion=0.2, linear_motion=math.inf))[1] == "good"
