"""The picture of a prediction: the chain as a line seen from its broad side, with displacement arrows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from geometric_hyena.errors import InputError
from geometric_hyena.report.palette import (
    CHAIN,
    DEPTH_LEVELS,
    INK,
    MODEL,
    MUTED,
    PAPER,
    REFERENCE,
    depth_shade,
)
from geometric_hyena.report.plot_style import FULL_WIDTH, new_figure, styled
from geometric_hyena.report.superposition import principal_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_ARROWS = 90
_MOST_PIECES = 6000
_SUBDIVISIONS = 6
# The 90th percentile of the arrows' true lengths is drawn as this share of the molecule's width.
_LONG_ARROW = 0.1
_ROUND = (1, 2, 3, 5)


@styled
def displacement_arrows(
    positions: np.ndarray,
    predicted: np.ndarray,
    true: np.ndarray,
    trace: Sequence[np.ndarray] | None = None,
) -> "Figure":
    """The molecule in its principal-axis projection with measured (grey) and predicted arrows.

    `positions`, `predicted` and `true` are (N, 3) in angstrom; `trace` lists the atom indices of every
    chain's line (None: all atoms, one chain). Arrows are thinned out to a readable number and all of them
    drawn longer by one round factor, which the plot states.
    """
    positions, predicted, true = (np.asarray(a, dtype=float) for a in (positions, predicted, true))
    if (
        positions.ndim != 2
        or positions.shape[1:] != (3,)
        or not positions.shape == predicted.shape == true.shape
    ):
        shapes = [a.shape for a in (positions, predicted, true)]
        raise InputError(
            f"displacement_arrows: positions, predicted and true need one shape (N, 3), got {shapes}"
        )
    chains = [np.asarray(c, dtype=int) for c in (trace if trace is not None else [np.arange(len(positions))])]
    axes_3d = principal_axes(positions)
    seen = (positions - positions.mean(axis=0)) @ axes_3d.T
    predicted, true = predicted @ axes_3d.T, true @ axes_3d.T

    span = np.maximum(np.ptp(seen[:, :2], axis=0), 4.0)
    figure = new_figure(FULL_WIDTH, float(np.clip(FULL_WIDTH * span[1] / span[0] * 1.1 + 0.5, 2.6, 6.2)))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect("equal")
    _draw_chains(axes, seen, chains)
    chosen = _arrow_atoms(chains, len(positions))
    scale = _arrow_scale(true[chosen], float(span.max()))
    _draw_arrows(axes, seen[chosen], scale * true[chosen], REFERENCE, width=2.6)
    _draw_arrows(axes, seen[chosen], scale * predicted[chosen], MODEL, width=1.5)
    margin = 0.06 * span.max()
    # Room for the measured arrows; a diverged model's may leave the picture.
    inside = np.concatenate([seen, np.nan_to_num(seen[chosen] + scale * true[chosen])])[:, :2]
    (left, bottom), (right, top) = inside.min(axis=0), inside.max(axis=0)
    axes.set_xlim(left - margin / 2, right + margin / 2)
    axes.set_ylim(bottom - 1.5 * margin, top + margin / 2)
    _legend(axes, scale, len(chosen))
    return figure


def _draw_chains(axes: "Axes", seen: np.ndarray, chains: Sequence[np.ndarray]) -> None:
    """Every chain as a smooth line, pale where far; a rim of paper shows which strand passes in front."""
    from matplotlib.collections import LineCollection

    subdivisions = max(1, min(_SUBDIVISIONS, _MOST_PIECES // max(1, sum(map(len, chains)))))
    pieces = [
        piece for chain in chains if len(chain) > 1 for piece in _pieces(_spline(seen[chain], subdivisions))
    ]
    depths = np.array([piece[:, 2].mean() for piece in pieces])
    lone = [chain[0] for chain in chains if len(chain) == 1]
    axes.plot(seen[lone, 0], seen[lone, 1], "o", color=CHAIN, markersize=6)
    if not pieces:
        return
    low, high = depths.min(), depths.max()
    levels = np.floor((depths - low) / max(high - low, 1e-9) * (DEPTH_LEVELS - 1e-6)).astype(int)
    lines, colors, widths = [], [], []
    for i in np.argsort(depths):
        width = 2.2 + 1.6 * levels[i] / (DEPTH_LEVELS - 1)
        lines += 2 * [pieces[i][:, :2]]
        colors += [PAPER, depth_shade(levels[i])]
        widths += [width + 2.4, width]
    # Below 3, where the arrows are.
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=widths, capstyle="butt", zorder=2))


def _pieces(line: np.ndarray) -> list[np.ndarray]:
    """A polyline (M, 3) in pieces short enough to have one depth each, neighbours overlapping by one step."""
    step = 3
    return [line[start : start + step + 2] for start in range(0, len(line) - 1, step)]


def _spline(points: np.ndarray, subdivisions: int) -> np.ndarray:
    """Catmull-Rom curve through (M, 3) points with `subdivisions` pieces between neighbours."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    before, here, after, beyond = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, subdivisions, endpoint=False)[None, :, None]
    curve = here + 0.5 * t * (
        after
        - before
        + t * (2 * before - 5 * here + 4 * after - beyond + t * (3 * (here - after) + beyond - before))
    )
    return np.concatenate([curve.reshape(-1, points.shape[1]), points[-1:]])


def _arrow_atoms(chains: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Evenly spaced atoms of the traces."""
    candidates = np.concatenate([*chains]) if len(chains) else np.arange(count)
    picks = np.linspace(0, len(candidates) - 1, min(_MOST_ARROWS, len(candidates)))
    return candidates[np.round(picks).astype(int)]


def _arrow_scale(vectors: np.ndarray, extent: float) -> float:
    """Round factor (1, 2, 3, 5, 10, ...) that makes long arrows about _LONG_ARROW of the extent."""
    lengths = np.linalg.norm(vectors, axis=1)
    long = float(np.percentile(lengths[np.isfinite(lengths)], 90)) if np.isfinite(lengths).any() else 0.0
    if long <= 0:
        return 1.0
    wanted = _LONG_ARROW * extent / long
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(min((r * power for r in (*_ROUND, 10)), key=lambda r: abs(np.log(r / wanted))))


def _draw_arrows(axes: "Axes", starts: np.ndarray, vectors: np.ndarray, color: str, width: float) -> None:
    finite = np.isfinite(vectors).all(axis=1)
    axes.quiver(
        *starts[finite, :2].T,
        *vectors[finite, :2].T,
        color=color,
        angles="xy",
        scale_units="xy",
        scale=1,
        units="dots",
        width=width,
        headwidth=3.4,
        headlength=4,
        headaxislength=3.7,
        minlength=0.5,
        edgecolor=PAPER,
        linewidth=0.35,
        zorder=3,
    )


def _legend(axes: "Axes", scale: float, count: int) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=REFERENCE, linewidth=3, label="measured"),
        Line2D([], [], color=MODEL, linewidth=1.8, label="predicted"),
    ]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    bar = 10.0 if np.ptp(axes.get_xlim()) > 30 else 2.0
    height = bottom + 0.03 * np.ptp(axes.get_ylim())
    axes.plot([left, left + bar], [height, height], color=INK, linewidth=2, solid_capstyle="butt")
    axes.annotate(f"{bar:g} Å", (left, height), xytext=(0, 4), textcoords="offset points")
    text = f"{count} arrows, drawn {scale:g} × their true length"
    axes.annotate(text, (1, 0.01), xycoords="axes fraction", ha="right", va="bottom", color=MUTED)
