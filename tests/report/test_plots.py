import sys

import matplotlib
import numpy as np
import pytest

from geometric_hyena.errors import InputError, MissingDependencyError
from geometric_hyena.report import plots
from geometric_hyena.report.blocks import Figure
from geometric_hyena.report.plot_style import spread


def drawn(figure):
    """The figure's SVG; drawing it is what finds most mistakes."""
    return Figure(figure, "").html()


def history(losses):
    return [{"epoch": i, "train_loss": x, "val_loss": x, "learning_rate": 1e-3} for i, x in enumerate(losses)]


def test_training_curves_mark_the_best_epoch_and_the_baselines():
    text = drawn(
        plots.training_curves(history([3.0, 1.0, 0.5, 0.7]), {"no_motion": 0.9, "linear_motion": 99.0})
    )
    assert "Lowest validation loss 0.500 at epoch 2" in text
    assert "no motion 0.900" in text
    assert "↑ linear motion 99.0" in text


def test_wide_losses_are_drawn_on_a_logarithmic_axis():
    wide, narrow = (
        plots.training_curves(history(x)).axes[0].get_yscale() for x in ([100.0, 1.0], [1.2, 1.0])
    )
    assert (wide, narrow) == ("log", "linear")


@pytest.mark.parametrize(
    "rows",
    [
        history([1.0]),
        history([float("nan")]),
        history([1.0, float("nan"), float("inf"), 0.5]),
        history([0.0, 0.0]),
        [{"epoch": 0, "train_loss": 1.0}, {"epoch": 1, "train_loss": 0.5, "val_loss": None}],
        [],
    ],
)
def test_training_curves_of_odd_histories(rows):
    drawn(plots.training_curves(rows, {"no_motion": 0.9, "broken": float("nan")}))


def test_comparison_bars_name_values_and_ratios():
    errors = {"no_motion": 0.2, "model": 0.15, "linear_motion": 60.0, "broken": float("nan")}
    text = drawn(plots.comparison_bars(errors))
    for part in ("0.150 (0.75 ×)", "→ 60.0", "300.00 ×", "NaN", "mean squared error"):
        assert part in text.replace("  ", " ")


@pytest.mark.parametrize(
    "errors", [{"model": 0.1}, {"model": 0.0, "no_motion": 0.0}, {"model": float("inf")}]
)
def test_comparison_bars_of_odd_errors(errors):
    drawn(plots.comparison_bars(errors))


@pytest.mark.parametrize(("count", "chains"), [(1, 1), (5, 3), (40, 1), (5000, 3)])
def test_error_per_residue_at_any_length(count, chains):
    rng = np.random.default_rng(0)
    ours, theirs = rng.uniform(size=(2, count))
    segids = np.sort(np.arange(count) % chains).astype(str)
    labels = [f"ALA {i}" for i in range(count)]
    text = drawn(plots.error_per_residue(np.arange(count) + 1, labels, ours, theirs, segids))
    assert "no motion" in text
    assert len(text) < 900_000


def test_error_per_residue_names_chains_and_bears_nan():
    error = np.array([0.1, np.nan, 0.3, 0.2])
    text = drawn(
        plots.error_per_residue(
            [1, 2, 1, 2], ["G 1"] * 4, error, error + 1, ["left", "left", "right", "right"]
        )
    )
    assert ">left<" in text
    assert ">right<" in text


def test_error_per_residue_refuses_unequal_lengths():
    with pytest.raises(InputError, match="equal length"):
        plots.error_per_residue([1, 2], ["a", "b"], np.ones(3), np.ones(2))


def test_predicted_against_measured_says_how_well():
    rng = np.random.default_rng(0)
    measured = rng.normal(size=(4000, 3))
    assert "R² = 0.75, slope 0.50, 12,000 values" in drawn(
        plots.predicted_against_measured(0.5 * measured, measured)
    )


@pytest.mark.parametrize("values", [np.zeros(3), np.ones(1), np.full(4, np.nan), np.zeros(0)])
def test_predicted_against_measured_of_odd_values(values):
    drawn(plots.predicted_against_measured(values, values))


def test_predicted_against_measured_refuses_unequal_shapes():
    with pytest.raises(InputError, match="not equal"):
        plots.predicted_against_measured(np.ones(3), np.ones(2))


@pytest.mark.parametrize("count", [1, 2, 3, 300])
def test_displacement_arrows(count):
    rng = np.random.default_rng(0)
    positions = np.cumsum(rng.normal(size=(count, 3)), axis=0)
    moves = rng.normal(size=(count, 3))
    trace = [np.arange(count // 2), np.arange(count // 2, count)]
    text = drawn(plots.displacement_arrows(positions, 0.5 * moves, moves, trace))
    assert f"{min(count, 90)} arrows, drawn" in text
    drawn(plots.displacement_arrows(positions, np.full_like(moves, np.nan), np.zeros_like(moves)))


def test_displacement_arrows_refuse_unequal_shapes():
    with pytest.raises(InputError, match="one shape"):
        plots.displacement_arrows(np.ones((4, 3)), np.ones((4, 3)), np.ones((3, 3)))


def test_the_callers_matplotlib_settings_are_left_alone():
    with matplotlib.rc_context({"font.size": 21}):
        drawn(plots.comparison_bars({"model": 0.1}))
        assert matplotlib.rcParams["font.size"] == 21


def test_a_missing_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"geometric-hyena\[train\]"):
        plots.comparison_bars({"model": 0.1})


def test_spread_moves_labels_apart_and_keeps_their_order():
    placed = spread([0.5, 0.52, 0.1, 0.51], gap=0.1)
    assert np.argsort(placed).tolist() == [2, 0, 3, 1]
    assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-12
    assert placed[2] == 0.1
