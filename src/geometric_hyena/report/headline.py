"""The one sentence of a report, made from the numbers alone: it says plainly when a model has not won."""

import math
from collections.abc import Mapping
from typing import Literal

from geometric_hyena.report.numbers import format_number, format_ratio, squared_unit

Verdict = Literal["good", "bad", "neutral"]


def headline(
    test: Mapping[str, Mapping[str, float]],
    note: str = "",
    unit: str = "Å",
    metric: str = "mse",
    reference: str = "no_motion",
    opponent: str = "a trivial baseline",
) -> tuple[str, Verdict]:
    """The sentence and whether it is good news, from test metrics by name of model or trivial baseline.

    `note` ends the sentence, such as "on a trajectory the model never saw"; `opponent` is what a baseline is,
    `reference` the one to which the ratio is taken. A tie with a baseline is not a
    win; neither is an error that is not a number.
    """
    tail = f", {note.strip().rstrip('.')}." if note.strip() else "."
    ours = float(test.get("model", {}).get(metric, math.nan))
    baselines = {
        name: float(row[metric])
        for name, row in test.items()
        if name != "model" and metric in row and math.isfinite(row[metric])
    }
    if not math.isfinite(ours):
        return f"The model's test {metric.upper()} is not a finite number: the training failed{tail}", "bad"
    amount = f"test {metric.upper()} {format_number(ours)}{squared_unit(unit)}"
    compared = _against(reference, ours, baselines)
    winners = sorted((value, name) for name, value in baselines.items() if value <= ours)
    if not baselines:
        return f"{amount[0].upper()}{amount[1:]}{tail}", "neutral"
    if not winners:
        return f"{amount[0].upper()}{amount[1:]}: {compared}{tail}", "good"
    best, name = winners[0]
    spoken = name.replace("_", " ")
    if name == "no_motion":
        return f"Not better than predicting no motion: {amount}, {compared}{tail}", "bad"
    return (
        f"Not better than {opponent}, {spoken} ({format_number(best)}): {amount}, {compared}{tail}",
        "bad",
    )


def _against(reference: str, ours: float, baselines: Mapping[str, float]) -> str:
    """ "0.75 of no motion (0.195)", or the same for the best baseline where the reference is not given."""
    if not baselines:
        return ""
    name = reference if reference in baselines else min(baselines, key=lambda key: baselines[key])
    value, spoken = baselines[name], name.replace("_", " ")
    if value <= 0:
        return f"against {format_number(value)} for {spoken}"
    return f"{format_ratio(ours / value)} of {spoken} ({format_number(value)})"
