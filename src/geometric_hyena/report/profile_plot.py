"""Profiles along an RNA: a panel per target, and the secondary structure as arcs below."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from geometric_hyena.errors import InputError
from geometric_hyena.report.palette import CHAIN, MODEL, REFERENCE, RULE
from geometric_hyena.report.plot_style import HALF_WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = 45  # up to here every nucleotide shows its letter
_ARC_POINTS = 25


@styled
def nucleotide_profile(
    sequence: str,
    partners: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    measured: Mapping[str, np.ndarray] | None = None,
    chain_starts: np.ndarray | None = None,
) -> "Figure":
    """Predicted (and measured) values of N nucleotides by target, above arcs that join base pairs.

    Args:
        sequence: N letters.
        partners: (N,) place of the partner in a base pair, -1 where unpaired.
        predicted: target -> (N,), NaN where there is nothing to say.
        measured: the same for measurements.
        chain_starts: places where further chains begin.
    """
    count = len(sequence)
    sizes = {np.shape(values) for values in [partners, *predicted.values(), *(measured or {}).values()]}
    if sizes != {(count,)} or not count:
        raise InputError(f"nucleotide_profile: expected shapes ({count},), got {sorted(sizes)}")
    heights = [1.25] * len(predicted) + [0.9]
    figure = new_figure(HALF_WIDTH, sum(heights) + (0.75 if measured else 0.5))
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    place = np.arange(1, count + 1)
    for axes, (name, values) in zip(panels, predicted.items(), strict=False):
        true = (measured or {}).get(name)
        if true is not None:
            axes.step(place, true, where="mid", color=REFERENCE, linewidth=1.1, label="measured")
        axes.step(place, values, where="mid", color=MODEL, linewidth=1.1, label="predicted")
        axes.set_title(name, parse_math=False)  # the name of a column: its dollar signs are no formulae
    if measured:
        lines = {line.get_label(): line for axes in panels[:-1] for line in axes.get_lines()}
        # A row of its own: curves reach every corner of their panels.
        figure.legend(list(lines.values()), list(lines), loc="outside upper left", ncols=2)
    _draw_arcs(panels[-1], partners)
    for axes in panels:
        for start in [] if chain_starts is None else chain_starts:
            axes.axvline(start + 0.5, color=RULE, linewidth=1.2)
    panels[-1].set_xlabel("nucleotide")
    panels[-1].set_xlim(0.5, count + 0.5)
    if count <= _LETTERS:
        panels[-1].set_xticks(place, list(sequence))
        panels[-1].tick_params(axis="x", labelsize=7)
    return figure


def _draw_arcs(axes: "Axes", partners: np.ndarray) -> None:
    """Half an ellipse over every base pair."""
    from matplotlib.collections import LineCollection

    first = np.flatnonzero(partners > np.arange(len(partners)))
    last = partners[first]
    turn = np.linspace(0, np.pi, _ARC_POINTS)
    middle, radius = (first + last)[:, None] / 2 + 1, (last - first)[:, None] / 2
    arcs = np.stack([middle - radius * np.cos(turn), radius * np.sin(turn)], axis=2)
    axes.add_collection(LineCollection(list(arcs), colors=CHAIN, linewidths=0.8))
    axes.set_ylim(0, 1.05 * max(float(radius.max(initial=0)), 1))
    axes.set_yticks([])
    axes.set_ylabel("pairs")
    axes.grid(visible=False)
