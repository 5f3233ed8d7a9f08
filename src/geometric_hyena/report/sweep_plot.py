"""The figure of a sweep: error by setting, a line a model, trivial baselines dashed, published hollow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geometric_hyena.files import replacing
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.palette import BETTER, CHAIN, INK, MODEL, MUTED, RAMP, WORSE
from geometric_hyena.report.plot_style import (
    FULL_WIDTH,
    label_right,
    new_figure,
    spread,
    styled,
    tick_short_log_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# One colour a model, in the order of the table; ours comes first.
_COLORS = (MODEL, CHAIN, BETTER, RAMP[3], WORSE, "#8a6d1f", INK)
_MARKERS = "osD^vP*"
_HOLLOW: dict[str, Any] = {"color": MUTED, "markerfacecolor": "none"}

Setting = int | float | str
Values = Mapping[Setting, Sequence[float]]


@styled
def sweep_figure(
    models: Mapping[str, Values],
    trivial: Mapping[str, Values],
    settings: Sequence[Setting],
    axis: str,
    *,
    published: Sequence[tuple[str, Setting, float]] = (),
    log_axis: bool = False,
    title: str = "",
    quantity: str = "test mean squared error",
) -> "Figure":
    """Mean squared error, or another quantity, by setting.

    Args:
        models: name -> setting -> the values of all seeds (mean and range are drawn).
        trivial: the same for trivial baselines.
        settings: in the order of the axis; text stands evenly spaced, without lines between.
        axis: what the settings are.
        published: (model, setting, value).
        log_axis: whether numbers grow by factors.
        title: above the figure.
        quantity: what the values are.
    """
    figure = new_figure(FULL_WIDTH, 4.4)
    axes = figure.subplots()
    named = any(isinstance(setting, str) for setting in settings)
    places = {setting: float(i) if named else float(setting) for i, setting in enumerate(settings)}
    labels: list[tuple[float, str, str]] = []
    for number, (name, values) in enumerate(models.items()):
        color = _COLORS[number % len(_COLORS)]
        style = {"color": color, "marker": _MARKERS[number % len(_MARKERS)], "markersize": 5}
        line = "none" if named else "-"
        _draw(axes, places, values, labels, name, line, **style)
    for name, values in trivial.items():
        _draw(
            axes,
            places,
            values,
            labels,
            name.replace("_", " "),
            "none" if named else "--",
            color=MUTED,
            marker="_" if named else "",
            markersize=28,
        )
    axes.plot(
        [places[s] + 0.12 * named for _, s, _ in published], [x for _, _, x in published], "o", **_HOLLOW
    )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: format_number(value))
    if log_axis and not named:
        axes.set_xscale("log", base=2)
    labels_below = [f"{setting:g}" if isinstance(setting, float) else str(setting) for setting in settings]
    axes.set_xticks(list(places.values()), labels_below)
    axes.minorticks_off()
    if named:
        axes.set_xlim(-0.4, len(settings) - 0.2)
    axes.set_xlabel(axis)
    axes.set_ylabel(quantity)
    axes.set_title(title)
    figure.draw_without_rendering()  # the axis limits are known only now
    tick_short_log_axis(axes)
    if labels:
        label_right(axes, *zip(*labels, strict=True))
    for setting in settings:
        numbers = [(value, model) for model, at, value in published if at == setting]
        _name_published(axes, places[setting] + 0.12 * named, numbers)
    return figure


def _name_published(axes: "Axes", place: float, numbers: Sequence[tuple[float, str]]) -> None:
    """Names right of published numbers, moved apart where they would overlap."""
    low, high = np.log10(axes.get_ylim())
    heights = spread(np.log10([value for value, _ in numbers]), gap=0.045 * (high - low))
    for height, (_, model) in zip(heights, numbers, strict=True):
        axes.annotate(
            f"{model} (published)",
            (place, 10**height),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=MUTED,
            fontsize=7,
        )


def write_svg(figure: "Figure", path: Path) -> Path:
    """Write a figure as an SVG file: equal figures give equal bytes."""
    import matplotlib

    look: dict[Any, object] = {"svg.fonttype": "none", "svg.hashsalt": "geometric-hyena"}
    with matplotlib.rc_context(look), replacing(path) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None})
    return path


def _draw(
    axes: "Axes",
    places: Mapping[Setting, float],
    values: Values,
    labels: list[tuple[float, str, str]],
    name: str,
    line: str,
    **style: object,
) -> None:
    """One line through the means, with the range over seeds as bars; its name goes to the right end."""
    present = [setting for setting in places if len(values.get(setting, ()))]
    if not present:
        return
    x = [places[setting] for setting in present]
    means = np.array([np.mean(values[setting]) for setting in present])
    low, high = (np.array([f(values[s]) for s in present]) for f in (np.min, np.max))
    axes.errorbar(x, means, yerr=[means - low, high - means], linestyle=line, capsize=3, **style)  # pyright: ignore[reportArgumentType]
    labels.append((float(means[-1]), name, str(style["color"])))
