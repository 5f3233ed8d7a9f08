"""The figures of the benchmarks, in the reports' style: ours in its colour, most else in grey."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from geometric_hyena.benchmarks.one_block import MODES, OURS
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.palette import BETTER, CHAIN, INK, MODEL, MUTED, REFERENCE
from geometric_hyena.report.plot_style import FULL_WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[dict[str, Any]]

_MARKERS = "os^Dv<>"
_LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


@styled
def operator_figure(rows: Rows) -> "Figure":
    """Time over the floor of the FFTs by N and C, ours beside sixteen convolutions."""
    figure = new_figure(FULL_WIDTH, 3.6)
    lengths = list(dict.fromkeys(row["N"] for row in rows))
    channels = list(dict.fromkeys(row["C"] for row in rows))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, mode, name in zip(panels, ("forward", "f+b"), ("Forward", "Forward + backward"), strict=True):
        axes.axhline(1, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        for i, count in enumerate(channels):
            part = [row for row in rows if row["C"] == count]
            places = [lengths.index(row["N"]) + 0.22 * (i - (len(channels) - 1) / 2) for row in part]
            ours = [row[f"{mode} / floor"] for row in part]
            ratios = [row[f"sixteen / ours, {mode}"] for row in part]
            both = [(x, a * r) for x, a, r in zip(places, ours, ratios, strict=True) if r is not None]
            for color, points in ((REFERENCE, both), (MODEL, list(zip(places, ours, strict=True)))):
                axes.plot(*_columns(points), _MARKERS[i], color=color, markersize=5)
        axes.set_title(name)
        axes.set_yscale("log")
        axes.set_xticks(range(len(lengths)), [f"{length:,}" for length in lengths])
        axes.set_xlabel("N, tokens")
        _plain_ticks(axes)
    panels[0].set_ylabel("time / floor of the FFTs")
    marks = [(MODEL, "s", "", "ours"), (REFERENCE, "s", "", "sixteen convolutions")]
    _legend(figure, [*marks, *_shapes(channels)])
    return figure


@styled
def messages_figure(rows: Rows) -> "Figure":
    """Concatenated messages over ours in time, and bytes per token of both."""
    figure = new_figure(FULL_WIDTH, 1.6 + 0.42 * len(rows))
    speed, memory = figure.subplots(1, 2, sharey=True)
    names = [f"k = {row['k']}, {row['kernels']}" for row in rows]
    for shift, mode, shade in ((-0.19, "forward", 1.0), (0.19, "f+b", 0.55)):
        places = [i + shift for i in range(len(rows))]
        label = "forward" if mode == "forward" else "forward + backward"
        for axes, key, color, who in (
            (speed, f"concatenated / ours, {mode}", MODEL, ""),
            (memory, f"concatenated: bytes per token, {mode}", REFERENCE, "concatenated, "),
            (memory, f"bytes per token, {mode}", MODEL, "ours, "),
        ):
            values = [row[key] for row in rows]
            bars = axes.barh(places, values, height=0.34, color=color, alpha=shade, label=who + label)
            if axes is speed or color == REFERENCE:
                axes.bar_label(bars, [format_number(value) for value in values], padding=4)
    speed.set_yticks(range(len(rows)), names, color=INK)
    speed.invert_yaxis()
    speed.set_xlabel("time of concatenated messages / ours")
    memory.set_xlabel("bytes per token")
    for axes in (speed, memory):
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.18)
    memory.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    speed.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0)
    return figure


@styled
def block_figure(rows: Rows) -> "Figure":
    """Time of the attention twins over the block's, and the block's memory per token, against N."""
    figure = new_figure(FULL_WIDTH, 3.8)
    speed, memory = figure.subplots(1, 2)
    channels = list(dict.fromkeys(row["C"] for row in rows))
    keys = [
        (speed, "fused attention / ours", REFERENCE, "-"),
        (speed, "materialised / ours", REFERENCE, (0, (4, 2))),
        (memory, "bytes per token, forward", MODEL, "-"),
        (memory, "bytes per token, training", MODEL, (0, (4, 2))),
    ]
    for axes, key, color, line in keys:
        for i, count in enumerate(channels):
            points = [(r["N"], r[key]) for r in rows if r["C"] == count and r[key] is not None]
            axes.plot(*_columns(points), _MARKERS[i], color=color, linestyle=line, markersize=4)
    speed.axhline(1, color=MODEL, linewidth=1.7)
    speed.set_title("Time of the attention twin / the block's, forward")
    memory.set_title("Bytes per token of the block")
    _log_log([speed, memory])
    lines = [
        (REFERENCE, "", "-", "fused attention"),
        (REFERENCE, "", (0, (4, 2)), "materialised attention"),
        (MODEL, "", "-", "block, forward"),
        (MODEL, "", (0, (4, 2)), "block, training"),
    ]
    _legend(figure, [*lines, *_shapes(channels)])
    return figure


@styled
def scaling_figure(rows: Rows) -> "Figure":
    """Time and memory of every model against N, forward and training."""
    figure = new_figure(FULL_WIDTH, 6.4)
    panels = figure.subplots(2, len(MODES), sharex=True, sharey="row", squeeze=False)
    models = list(dict.fromkeys(row["model"] for row in rows))
    styles = [(MODEL if model == OURS else REFERENCE, i) for i, model in enumerate(models)]
    for column, mode in enumerate(MODES):
        time, memory = panels[:, column]
        for model, (color, i) in zip(models, styles, strict=True):
            part = [row for row in rows if row["model"] == model and row["mode"] == mode]
            style = {"color": color, "linestyle": _LINES[i % len(_LINES)], "markersize": 4}
            for axes, values in (
                (time, [(row["N"], row["seconds"]) for row in part]),
                (memory, [(row["N"], row["N"] * row["bytes per token"] / 2**20) for row in part]),
            ):
                shown = [point for point in values if point[1] > 0]
                axes.plot(*_columns(shown), _MARKERS[i % len(_MARKERS)], **style)
        time.set_title(mode.capitalize())
        _log_log([time, memory])
        time.set_xlabel("")
    panels[0, 0].set_ylabel("seconds")
    panels[1, 0].set_ylabel("MiB, inputs not counted")
    marks = [
        (color, _MARKERS[i % len(_MARKERS)], _LINES[i % len(_LINES)], model)
        for model, (color, i) in zip(models, styles, strict=True)
    ]
    _legend(figure, marks)
    return figure


@styled
def models_figure(rows: Rows, costs: Mapping[str, str]) -> "Figure":
    """Time and memory of many models against N, a row of panels a mode; `costs` are as published."""
    modes = list(dict.fromkeys(row["mode"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows))
    figure = new_figure(FULL_WIDTH, 1.6 + 4.2 * len(modes))
    panels = figure.subplots(len(modes), 2, sharex=True, squeeze=False)
    marks = []
    for i, model in enumerate(models):
        color = MODEL if i == 0 else _cost_color(costs[model])
        marker, line = _MARKERS[i % len(_MARKERS)], _LINES[(i // len(_MARKERS)) % len(_LINES)]
        marks.append((color, marker, line, model))
        style = {"color": color, "linestyle": line, "markersize": 4, "linewidth": 2.4 if i == 0 else 1.2}
        for mode, (time, memory) in zip(modes, panels, strict=True):
            part = [row for row in rows if row["model"] == model and row["mode"] == mode]
            shown = [row for row in part if row["bytes per token"] > 0]
            time.plot([row["N"] for row in part], [row["seconds"] for row in part], marker, **style)
            mebibytes = [row["N"] * row["bytes per token"] / 2**20 for row in shown]
            memory.plot([row["N"] for row in shown], mebibytes, marker, **style)
    for mode, (time, memory) in zip(modes, panels, strict=True):
        time.set_title(f"Time of a layer, {mode}")
        memory.set_title("Memory, inputs not counted")
        _log_log([time, memory])
        time.set_ylabel("seconds")
        memory.set_ylabel("MiB")
    growth = ((BETTER, "N log N"), (CHAIN, "N k"), (REFERENCE, "N^2"))
    _legend(figure, [*marks, *((color, "s", "", f"published: {cost}") for color, cost in growth)])
    return figure


def _cost_color(cost: str) -> str:
    return REFERENCE if "N^2" in cost else BETTER if "log" in cost else CHAIN


@styled
def context_parallel_figure(rows: Rows) -> "Figure":
    """Memory of each process beside an even share of one's, and bytes sent per token."""
    figure = new_figure(FULL_WIDTH, 3.2)
    memory, sent = figure.subplots(1, 2)
    processes = sorted({row["processes"] for row in rows})
    for mode, line in zip(MODES, ("-", (0, (4, 2))), strict=True):
        part = [row for row in rows if row["mode"] == mode]
        alone = part[0]["MiB of each"]
        memory.plot(processes, [alone / p for p in processes], color=REFERENCE, linestyle=line)
        memory.plot(processes, [row["MiB of each"] for row in part], "o", color=MODEL, linestyle=line)
        moved = [row["sent per token, convolution"] for row in part]
        sent.plot(processes, moved, "o", color=MODEL, linestyle=line)
    memory.set_title("MiB of each process")
    sent.set_title("Bytes sent per token by the convolutions")
    memory.set_ylim(bottom=0)
    for axes in (memory, sent):
        axes.set_xticks(processes)
        axes.set_xlabel("processes")
    marks = [(MODEL, "o", "-", "forward"), (MODEL, "o", (0, (4, 2)), "training")]
    _legend(figure, [*marks, (REFERENCE, "", "-", "an even share of one process")])
    return figure


@styled
def streaming_figure(rows: Rows) -> "Figure":
    """Memory of the process against N, with the budget."""
    figure = new_figure(FULL_WIDTH, 3.2)
    axes = figure.subplots()
    peaks = [(row["N"], row["process at most, GiB"]) for row in rows]
    known = _columns([point for point in peaks if point[1] is not None])
    axes.plot(*known, "o-", color=MODEL, markersize=5)
    axes.axhline(rows[0]["budget, GiB"], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("N, tokens")
    axes.set_ylabel("GiB")
    marks = [(MODEL, "o", "-", "process at most"), (INK, "", (0, (4, 3)), "budget")]
    _legend(figure, marks)
    return figure


def _shapes(channels: Sequence[int]) -> list[tuple[str, str, str, str]]:
    return [(MUTED, _MARKERS[i], "", f"C = {count}") for i, count in enumerate(channels)]


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _log_log(panels: Sequence["Axes"]) -> None:
    for axes in panels:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("N, tokens")
        _plain_ticks(axes)


def _plain_ticks(axes: "Axes") -> None:
    """1, 2, 5, ... in plain numbers on a logarithmic axis of values, as far as they fit."""
    from matplotlib.ticker import LogLocator, NullLocator

    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: format_number(value, 1))


def _legend(figure: "Figure", entries: Sequence[tuple[str, str, Any, str]]) -> None:
    """A line of entries (colour, marker, line style, text) above the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=color, marker=marker, linestyle=line, markersize=5, label=text)
        for color, marker, line, text in entries
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(5, len(handles)), columnspacing=1.4)
