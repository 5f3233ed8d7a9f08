"""Figures 1 and 5: time and memory of one layer against N, ours beside attention, and the papers' numbers."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch

from geometric_hyena.benchmarks import one_layer, one_se3_layer, published, sizes
from geometric_hyena.benchmarks.one_block import HIDDEN, NEIGHBORS
from geometric_hyena.benchmarks.published import Published
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.errors import GHyenaError
from geometric_hyena.memory import spoken_size
from geometric_hyena.reproduce.study import Findings, Measurement, Row, Study

_CHANNELS = 80
_FIGURE_1 = (
    one_layer.OURS,
    "g-transformer",
    one_layer.MATERIALISED,
    "vn-transformer",
    "equiformer",
)

Measure = Callable[[tuple[int, ...], int], list[Row]]


@cache
def _figure_1(lengths: tuple[int, ...], limit: int) -> list[Row]:
    device = _device()
    _checked(*(partial(one_layer.check, name, _CHANNELS, device) for name in _FIGURE_1))
    layers = {
        name: partial(one_layer.prepare, name, channels=_CHANNELS, modes=("forward",), device=device)
        for name in _FIGURE_1
    }
    return _measured(layers, lengths, limit, one_layer.OURS)


@cache
def _figure_5(lengths: tuple[int, ...], limit: int) -> list[Row]:
    device = _device()
    _checked(partial(one_se3_layer.check, device))
    layers = {
        name: partial(one_se3_layer.prepare, name, modes=("forward",), device=device)
        for name in one_se3_layer.LAYERS
    }
    return _measured(layers, lengths, limit, one_se3_layer.SE3_HYENA)


def _measured(layers: Mapping[str, Any], lengths: Sequence[int], limit: int, ours: str) -> list[Row]:
    settings = Settings(limit=limit, limit_memory=published.BUDGET)
    return list(sizes.measured(layers, ("forward",), lengths, settings, _device(), ours=ours, together=False))


def _checked(*checks: Callable[[], None]) -> None:
    try:
        for check in checks:
            check()
    except AssertionError as error:
        raise GHyenaError(f"its correctness check fails, nothing is timed: {error}") from error


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _time(measure: Measure, ours: str, said: Published, lengths: Sequence[int], limit: int) -> Findings:
    found = measure(tuple(lengths), limit)
    table = [
        {
            "N": row["N"],
            "layer": row["model"],
            "seconds": row["seconds"],
            "time / ours": row["time / ours"],
            "MiB": row["N"] * row["bytes per token"] / 2**20,
        }
        for row in found
    ]
    curves = _curves(found, lambda row: row["seconds"])
    beside = "The paper's numbers, against attention on an NVIDIA A10G of 24 GB, beside those measured here"
    return Findings(
        {f"Time and memory of a forward pass, {_where()}": table, beside: _beside(ours, said, found)}, curves
    )


def _memory(measure: Measure, lengths: Sequence[int], limit: int) -> Findings:
    found = [row for row in measure(tuple(lengths), limit) if row["bytes per token"] > 0]
    fits = sizes.fits(found, Settings(memory=published.BUDGET))
    table = [{name: value for name, value in fit.items() if name != "mode"} for fit in fits]
    curves = _curves(found, lambda row: row["N"] * row["bytes per token"] / 2**20)
    return Findings({f"Growth, {_where()}; the largest N is extrapolated": table}, curves)


def _where() -> str:
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return f"float32, {name}, {torch.get_num_threads()} thread(s)"


def _curves(found: Sequence[Row], value: Callable[[Row], float]) -> dict[str, dict[int, float]]:
    return {
        name: {row["N"]: value(row) for row in found if row["model"] == name}
        for name in dict.fromkeys(row["model"] for row in found)
    }


def _beside(ours: str, said: Published, found: Sequence[Row]) -> list[Row]:
    """The paper's numbers beside ours, for each of the others."""
    at = {row["model"]: row for row in found if row["N"] == said.length}
    parts = {name: [row for row in found if row["model"] == name] for name in _curves(found, len)}
    fit = {name: sizes.largest(part, published.BUDGET) for name, part in parts.items()}
    own, length, budget = at.get(ours, {}), f"N = {said.length:,}", spoken_size(published.BUDGET)
    rows: list[Row] = []
    for name in (name for name in parts if name != ours):
        there = at.get(name, {})
        memory = _ratio(there.get("bytes per token"), own.get("bytes per token"))
        longer = _ratio(fit[ours], fit[name])
        rows += [
            _said(name, f"time / ours, {length}", said.speed, there.get("time / ours")),
            _said(name, f"memory / ours, {length}", said.memory, memory),
            _said(name, f"tokens of ours / tokens, {budget}", said.longer, longer),
        ]
    return [*rows, _said(ours, f"tokens, {budget}", said.tokens, fit[ours])]


def _said(layer: str, what: str, paper: float | None, here: float | None) -> Row:
    return {"layer": layer, "what": what, "paper": paper, "here": here}


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other and other > 0 else None


def _parts(
    name: str, measure: Measure, ours: str, said: Published, quick: Row, paper: Row
) -> tuple[Measurement, ...]:
    shared = {"axis": "N, tokens", "quick": quick, "paper": paper, "log_axis": True}
    return (
        Measurement(
            name=f"{name}-time",
            title="Time of a forward pass",
            quantity="seconds",
            measure=partial(_time, measure, ours, said),
            **shared,
        ),
        Measurement(
            name=f"{name}-memory",
            title="Memory of a forward pass, inputs not counted",
            quantity="MiB",
            measure=partial(_memory, measure),
            **shared,
        ),
    )


FIGURE_1 = Study(
    name="figure1",
    title=f"Geometric Hyena's Figure 1: one layer against attention, H = C = {HIDDEN}, k = {NEIGHBORS}",
    parts=_parts(
        "figure1",
        _figure_1,
        one_layer.OURS,
        published.GEOMETRIC_HYENA,
        quick={"lengths": (128, 256, 512, 1024, 2048), "limit": 5},
        paper={
            "lengths": (512, 1024, 2048, 4096, 8192, 16_384, 30_000, 65_536, 262_144, 1_048_576, 2_700_000),
            "limit": 120,
        },
    ),
)
FIGURE_5 = Study(
    name="figure5",
    title="SE(3)-Hyena's Figure 5: one layer against cross-product attention",
    parts=_parts(
        "figure5",
        _figure_5,
        one_se3_layer.SE3_HYENA,
        published.SE3_HYENA,
        quick={"lengths": (128, 256, 512, 1024, 2048, 4096), "limit": 5},
        paper={
            "lengths": (512, 1024, 2048, 4096, 8192, 20_000, 65_536, 262_144, 1_048_576, 3_500_000),
            "limit": 120,
        },
    ),
)
ALL = (FIGURE_1, FIGURE_5)
