"""The plots of a training run. Each function returns a `matplotlib.figure.Figure` of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geometric_hyena.errors import InputError
from geometric_hyena.report.chain_plot import error_per_residue
from geometric_hyena.report.numbers import format_number, format_ratio, in_brackets
from geometric_hyena.report.palette import INK, MODEL, MUTED, PAPER, REFERENCE, WORSE
from geometric_hyena.report.picture import displacement_arrows
from geometric_hyena.report.plot_style import FULL_WIDTH, HALF_WIDTH, label_right, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "comparison_bars",
    "displacement_arrows",
    "error_per_residue",
    "predicted_against_measured",
    "training_curves",
]

# Losses that span more than this factor are drawn on a logarithmic axis.
_LOG_FROM = 6.0
_FAR_ABOVE = 2.0
# Bars end at this multiple of the larger of model and reference, so that one bad baseline hides nothing.
_LONGEST_BAR = 3.0
_BARS_WIDTH = 6.8
# From this many points on, a density says more than dots.
_MANY_POINTS = 3000


@styled
def training_curves(
    history: Sequence[Mapping[str, float]], baselines: Mapping[str, float] | None = None
) -> "Figure":
    """Training and validation loss and the learning rate by epoch.

    `history` has one row an epoch with "epoch" and any of "train_loss", "val_loss", "learning_rate";
    `baselines` are validation losses that need no training. Values that are not finite leave a gap and a
    cross on the axis; the epoch of the lowest validation loss is marked.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    epochs = np.array([row.get("epoch", i) for i, row in enumerate(history)], dtype=float)
    rates = _column(history, "learning_rate")
    with_rates = bool(np.isfinite(rates).any())
    figure = new_figure(FULL_WIDTH, 3.9 if with_rates else 3.3)
    panels = figure.subplots(
        2 if with_rates else 1, 1, sharex=True, height_ratios=[4, 1] if with_rates else [1], squeeze=False
    )
    axes: Axes = panels[0, 0]
    losses = {"training": _column(history, "train_loss"), "validation": _column(history, "val_loss")}
    colors = {"training": REFERENCE, "validation": MODEL}
    baselines = {name: value for name, value in (baselines or {}).items() if np.isfinite(value)}

    labels: list[tuple[float, str, str]] = []
    for name, loss in losses.items():
        finite = np.isfinite(loss)
        if finite.any():
            axes.plot(epochs, np.where(finite, loss, np.nan), color=colors[name], **_marks(finite))
            labels.append((float(loss[finite][-1]), name, colors[name]))
        if any(name_in(history, name)) and not finite.all():
            lost = epochs[~finite & name_in(history, name)]
            axes.plot(lost, np.full(len(lost), 0.03), "x", color=WORSE, transform=axes.get_xaxis_transform())
    learned = [x for loss in losses.values() for x in loss[np.isfinite(loss)]]
    # A baseline far above everything would press the curves flat: only its name is shown, at the top.
    ceiling = _FAR_ABOVE * max(learned, default=np.inf)
    near = {name: value for name, value in baselines.items() if value <= ceiling}
    for name, value in baselines.items():
        if name in near:
            axes.axhline(value, color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
        labels.append((value, f"{'' if name in near else '↑ '}{_spoken(name)} {format_number(value)}", MUTED))
    shown = np.array([*learned, *near.values()])
    if len(shown) and shown.min() > 0 and shown.max() > _LOG_FROM * shown.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: format_number(value, 2))
    validation = losses["validation"]
    if np.isfinite(validation).any():
        best = int(np.nanargmin(np.where(np.isfinite(validation), validation, np.nan)))
        axes.plot(
            epochs[best], validation[best], "o", color=MODEL, markersize=7, markeredgecolor=INK, zorder=5
        )
        axes.set_title(f"Lowest validation loss {format_number(validation[best])} at epoch {epochs[best]:g}")
    axes.set_ylabel("loss")
    if with_rates:
        below: Axes = panels[1, 0]
        below.plot(epochs, rates, color=MUTED, linewidth=1.2, **_marks(np.isfinite(rates)))
        below.set_ylim(bottom=0)
        below.set_ylabel("learning\nrate")
    last: Axes = panels[-1, 0]
    last.set_xlabel("epoch")
    last.locator_params(axis="x", integer=True)
    if len(epochs) == 1:
        last.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if labels:
        figure.draw_without_rendering()  # the axis limits are known only now
        label_right(axes, *zip(*labels, strict=True))
    return figure


@styled
def comparison_bars(
    metrics: Mapping[str, float],
    model_key: str = "model",
    unit: str = "Å²",
    reference: str = "no_motion",
    metric: str = "mean squared error",
) -> "Figure":
    """Bars of the test error of the model and of each trivial baseline, with the ratio to `reference`.

    `metrics` maps names to errors of the kind that `metric` names; the smallest comes first.
    """
    if not metrics:
        raise InputError("comparison_bars: metrics is empty")
    names = sorted(metrics, key=lambda name: (not np.isfinite(metrics[name]), metrics[name]))
    figure = new_figure(_BARS_WIDTH, 0.7 + 0.36 * len(names))
    axes = figure.subplots()
    still = metrics.get(reference, np.nan)
    anchors = [x for x in (metrics.get(model_key, np.nan), still) if np.isfinite(x)]
    finite = [x for x in metrics.values() if np.isfinite(x)]
    longest = min(max(finite, default=1.0), _LONGEST_BAR * max(anchors, default=np.inf)) or 1.0
    for row, name in enumerate(names):
        value = metrics[name]
        color = MODEL if name == model_key else REFERENCE
        length = min(value, longest) if np.isfinite(value) else 0.0
        axes.barh(row, length, height=0.62, color=color)
        text = format_number(value)
        if name != reference and still > 0 and np.isfinite(value):
            text += f"  ({format_ratio(value / still)} ×)"
        if np.isfinite(value) and value > longest:
            text = f"→ {text}"
        behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}
        axes.annotate(
            text, (length, row), xytext=(6, 0), textcoords="offset points", va="center", bbox=behind
        )
    if still > 0 and still <= longest:
        axes.axvline(still, color=INK, linewidth=1, linestyle=(0, (3, 3)))
    axes.set_yticks(range(len(names)), [_spoken(name) for name in names], color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * longest)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{metric}{in_brackets(unit)}; × = ratio to {_spoken(reference)}")
    return figure


@styled
def predicted_against_measured(
    predicted: np.ndarray, measured: np.ndarray, unit: str = "Å", quantity: str = "displacement component"
) -> "Figure":
    """Predicted against measured values of any (equal) shape, as a density where they are many.

    The square ends at the 99.9th percentile of the larger of the two magnitudes.
    """
    x, y = np.ravel(measured).astype(float), np.ravel(predicted).astype(float)
    if x.shape != y.shape:
        raise InputError(
            f"predicted has shape {np.shape(predicted)}, measured has {np.shape(measured)}: not equal"
        )
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    figure = new_figure(HALF_WIDTH, 0.84 * HALF_WIDTH)
    axes = figure.subplots()
    limit = 1.08 * float(np.percentile(np.maximum(np.abs(x), np.abs(y)), 99.9)) if len(x) else 1.0
    limit = limit or 1.0
    if len(x) > _MANY_POINTS:
        from matplotlib.colors import LinearSegmentedColormap, LogNorm

        counts, edges, _ = np.histogram2d(x, y, bins=90, range=[[-limit, limit]] * 2)
        # Opacity carries the density, so that the plot sits on any background.
        dense = LinearSegmentedColormap.from_list("density", [f"{MODEL}2b", f"{MODEL}ff", "#6b1f07ff"])
        filled = np.ma.masked_equal(counts.T, 0)
        norm = LogNorm(1, max(float(counts.max()), 2.0))
        mesh = axes.pcolormesh(edges, edges, filled, cmap=dense, norm=norm, rasterized=True)
        bar = figure.colorbar(
            mesh, ax=axes, shrink=0.6, aspect=25, pad=0.02, label="values a cell", format="%d"
        )
        bar.outline.set_visible(False)
    else:
        axes.plot(x, y, "o", color=MODEL, markersize=3.5, alpha=0.6, markeredgewidth=0)
    axes.plot([-limit, limit], [-limit, limit], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate("equal", (0.72 * limit, 0.78 * limit), ha="center", va="center", rotation=45, color=MUTED)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.set_xlabel(f"measured {quantity}{in_brackets(unit)}")
    axes.set_ylabel(f"predicted{in_brackets(unit)}")
    axes.set_title(
        f"R² = {format_number(r_squared(y, x), 2)}, slope {format_number(_slope(x, y), 2)}, {len(x):,} values"
    )
    return figure


def r_squared(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Share of the variance of `measured` that `predicted` explains; NaN where there is no variance."""
    total = float(((measured - measured.mean()) ** 2).sum()) if np.size(measured) else 0.0
    return 1 - float(((predicted - measured) ** 2).sum()) / total if total > 0 else float("nan")


def name_in(history: Sequence[Mapping[str, float]], loss: str) -> np.ndarray:
    """Which rows of `history` have a value, finite or not, of the "training" or "validation" loss."""
    key = "train_loss" if loss == "training" else "val_loss"
    return np.array([row.get(key) is not None for row in history], dtype=bool)


def _column(history: Sequence[Mapping[str, float]], key: str) -> np.ndarray:
    values = (row.get(key) for row in history)
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _marks(finite: np.ndarray) -> dict[str, Any]:
    """Dots where a line alone would be invisible or would hide how few points there are."""
    return {"marker": "o", "markersize": 4} if finite.sum() <= 12 else {}


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    centred = x - x.mean() if len(x) else x
    variance = float((centred**2).sum())
    return float((centred * y).sum()) / variance if variance > 0 else float("nan")


def _spoken(name: str) -> str:
    return name.replace("_", " ")
