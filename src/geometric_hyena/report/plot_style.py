"""The look of the plots; matplotlib is imported here and nowhere else, when the first plot is drawn."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.files import replacing
from geometric_hyena.report.palette import INK, MUTED, PAPER, RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Widths in inches at 96 CSS pixels an inch: a full page column and half of one.
FULL_WIDTH = 9.4
HALF_WIDTH = 4.6

_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "ytick.minor.size": 0,
    "axes.unicode_minus": True,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
}

# Text stays text; a fixed salt makes equal figures equal bytes.
SVG: dict[Any, object] = {"svg.fonttype": "none", "svg.hashsalt": "geometric-hyena"}

P = ParamSpec("P")


def styled(draw: "Callable[P, Figure]") -> "Callable[P, Figure]":
    """Run a plotting function in the reports' style; the caller's matplotlib settings stay as they are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        try:
            import matplotlib
        except ImportError as error:
            raise MissingDependencyError("matplotlib", "train", "drawing a plot") from error
        settings: dict[Any, object] = dict(_SETTINGS)
        with matplotlib.rc_context():
            # From the defaults, so that a report looks the same whatever a user's matplotlibrc says.
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(settings)
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, sizes in inches, that belongs to no global state and lays itself out."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def tick_short_log_axis(axes: "Axes") -> None:
    """Ticks in equal steps where a logarithmic y axis spans less than a decade."""
    from matplotlib.ticker import MaxNLocator

    low, high = axes.get_ylim()
    if high < 10 * low:
        axes.yaxis.set_major_locator(MaxNLocator(5))


def label_right(axes: "Axes", heights: Sequence[float], texts: Sequence[str], colors: Sequence[str]) -> None:
    """Write `texts` right of the axes at data heights, moved apart where they would overlap."""
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform((0, height))[1]) for height in heights]
    inches = axes.bbox.height / axes.figure.dpi
    placed = spread(np.clip(wanted, 0, 1), gap=0.16 / max(inches, 0.5))
    for height, text, color in zip(placed, texts, colors, strict=True):
        axes.annotate(
            text,
            (1, float(height)),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=color,
        )


def spread(values: "np.ndarray | Sequence[float]", gap: float) -> np.ndarray:
    """`values` moved as little as a greedy pass needs so that no two are closer than `gap`; order is kept."""
    values = np.asarray(values, dtype=float)
    order = np.argsort(values, kind="stable")
    groups: list[tuple[float, int]] = []  # (centre, size) of runs of touching labels
    for value in values[order]:
        groups.append((value, 1))
        while len(groups) > 1:
            (low, m), (high, n) = groups[-2:]
            if high - low >= gap * (m + n) / 2:
                break
            groups[-2:] = [((low * m + high * n) / (m + n), m + n)]
    placed = np.empty_like(values)
    start = 0
    for centre, size in groups:
        placed[order[start : start + size]] = centre + gap * (np.arange(size) - (size - 1) / 2)
        start += size
    return placed


def save_svg(figure: "Figure", path: Path) -> None:
    """Write a figure to an SVG file."""
    import matplotlib

    with replacing(path) as partial, matplotlib.rc_context(SVG):
        figure.savefig(partial, format="svg", metadata={"Date": None})
