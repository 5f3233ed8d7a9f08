"""Error along the chain: where in the molecule the model gains over no motion, and where it does not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from geometric_hyena.errors import InputError
from geometric_hyena.report.palette import BETTER, INK, MODEL, MUTED, REFERENCE, RULE, WORSE
from geometric_hyena.report.plot_style import FULL_WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEW = 40  # up to here every residue has a dot and a name
_MANY = 1500  # from here on the shading is drawn as pixels: as paths it would weigh megabytes
_NAMED_PEAKS = 3


@styled
def error_per_residue(
    resids: Sequence[int] | np.ndarray,
    residue_labels: Sequence[str],
    error_model: np.ndarray,
    error_reference: np.ndarray,
    segids: Sequence[str] | np.ndarray | None = None,
    ylabel: str = "RMS error (Å)",
    reference_name: str = "no motion",
) -> "Figure":
    """Error of the model and of a reference by residue, R of them, chain after chain.

    `error_model` and `error_reference` are (R,); between them is shaded what the model gains or loses.
    """
    resids, segids = np.asarray(resids), np.asarray([""] * len(resids) if segids is None else segids)
    ours, theirs = np.asarray(error_model, dtype=float), np.asarray(error_reference, dtype=float)
    sizes = {len(resids), len(segids), len(residue_labels), *ours.shape[:1], *theirs.shape[:1]}
    if len(sizes) != 1 or not len(resids):
        raise InputError(
            f"error_per_residue: arguments need one equal length of at least 1, got {sorted(sizes)}"
        )
    figure = new_figure(FULL_WIDTH, 3.2)
    axes = figure.subplots()
    place = np.arange(len(resids))
    ends = [*(np.flatnonzero(segids[1:] != segids[:-1]) + 1), len(resids)]
    chains = list(zip([0, *ends[:-1]], ends, strict=True))
    marker = {"marker": "o", "markersize": 4} if len(place) <= _FEW else {}
    for start, end in chains:
        part = slice(start, end)
        for better, color in ((True, BETTER), (False, WORSE)):
            axes.fill_between(
                place[part],
                ours[part],
                theirs[part],
                where=(ours[part] <= theirs[part]) == better,
                interpolate=True,
                color=color,
                alpha=0.22,
                linewidth=0,
                rasterized=len(place) > _MANY,
            )
        thin = 1.0 if len(place) > 300 else 1.5
        axes.plot(place[part], theirs[part], color=REFERENCE, linewidth=thin, **marker)
        axes.plot(place[part], ours[part], color=MODEL, linewidth=thin, **marker)
    _chain_names(axes, chains, segids)
    _residue_ticks(axes, chains, resids, residue_labels)
    _name_peaks(axes, ours, theirs, residue_labels)
    _legend(axes, reference_name)
    axes.set_xlim(-0.5 - 0.005 * len(place), len(place) - 0.5 + 0.005 * len(place))
    top = np.nanmax([*ours[np.isfinite(ours)], *theirs[np.isfinite(theirs)], 0.0])
    axes.set_ylim(0, 1.22 * top or 1)
    axes.set_ylabel(ylabel)
    axes.set_xlabel("residue")
    axes.grid(visible=False, axis="x")
    return figure


def _chain_names(axes: "Axes", chains: list[tuple[int, int]], segids: np.ndarray) -> None:
    """Lines between chains, and their names where there is room for them."""
    if len(chains) == 1:
        return
    for start, end in chains:
        if start:
            axes.axvline(start - 0.5, color=RULE, linewidth=1.2)
        name = str(segids[start])
        if (end - start) / chains[-1][1] > 0.012 * (len(name) + 1):
            middle = (start + end - 1) / 2
            axes.text(
                middle,
                0.995,
                name,
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="top",
                color=MUTED,
                parse_math=False,  # a name out of a file
            )


def _residue_ticks(
    axes: "Axes", chains: list[tuple[int, int]], resids: np.ndarray, labels: Sequence[str]
) -> None:
    """Names of few residues; of many, the round residue numbers of every chain."""
    if len(resids) <= _FEW:
        axes.set_xticks(range(len(resids)), [str(label) for label in labels], parse_math=False)
        axes.tick_params(axis="x", labelrotation=90 if len(resids) > 12 else 0)
        return
    step = next(s for s in (5, 10, 20, 25, 50, 100, 200, 500, 1000, 5000, 10**9) if len(resids) / s <= 16)
    ticks: list[int] = []
    for start, end in chains:
        round_ones = [i for i in range(start, end) if resids[i] % step == 0]
        # A chain too short for a round number still says where it begins.
        for i in round_ones or [start]:
            if not ticks or i - ticks[-1] >= 0.03 * len(resids):
                ticks.append(i)
    axes.set_xticks(ticks, [str(resids[i]) for i in ticks])


def _name_peaks(axes: "Axes", ours: np.ndarray, theirs: np.ndarray, labels: Sequence[str]) -> None:
    """The residues with the model's largest errors, where their names do not run into each other."""
    if len(ours) <= _FEW:
        return
    named: list[int] = []
    width = max(1, round(0.03 * len(ours)))
    ours, theirs = (np.where(np.isfinite(x), x, 0.0) for x in (ours, theirs))
    for i in np.argsort(-ours):
        if all(abs(i - j) > 0.08 * len(ours) for j in named):
            named.append(int(i))
            near = slice(max(0, i - width), i + width + 1)
            axes.annotate(
                str(labels[i]),
                (i, max(*ours[near], *theirs[near])),  # above both lines, as far as the name reaches
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                color=INK,
                parse_math=False,
            )
        if len(named) == _NAMED_PEAKS:
            return


def _legend(axes: "Axes", reference_name: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=MODEL, label="model"),
        Line2D([], [], color=REFERENCE, label=reference_name),
        Patch(color=BETTER, alpha=0.22, linewidth=0, label="model better"),
        Patch(color=WORSE, alpha=0.22, linewidth=0, label="model worse"),
    ]
    # Above the axes: there it hides no peak.
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, labelcolor=INK, borderaxespad=0.2
    )
