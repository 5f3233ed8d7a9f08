"""The papers' claims beside what their own tables give: arithmetic on printed numbers, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Claim:
    """A gain over the best competing model, in per cent, as a paper states it of a column of its table."""

    percent: str
    column: str


def value_of(printed: str) -> float | None:
    """The mean of a printed value such as "0.363±0.045"; None where it is no number ("OOM", "NaN")."""
    try:
        value = float(printed.partition("±")[0])
    except ValueError:
        return None
    return value if value == value else None


def arithmetic(claim: Claim, printed: Mapping[str, str], ours: str) -> dict[str, Any]:
    """What a column gives for a claim.

    A gain is the difference of errors over the other model's error; beside it the same difference over our
    own. `borne_out_by` are the rows, with the divisor, for which it comes out as claimed, rounded to as many
    digits.

    Args:
        claim: the claim.
        printed: label of a row -> printed value.
        ours: label of the row that the gain is claimed for.
    """
    values = {label: value for label, text in printed.items() if (value := value_of(text)) is not None}
    own = values.pop(ours)
    second = min(values, key=lambda label: values[label])
    digits = len(claim.percent.partition(".")[2])
    borne_out = [
        f"{label} (over {name})"
        for label, value in values.items()
        for name, divisor in (("its own", value), (f"{ours}'s", own))
        if round(100 * (value - own) / divisor, digits) == float(claim.percent)
    ]
    return {
        "claimed": claim.percent,
        "column": claim.column,
        "ours": own,
        "second_best": second,
        "second_best_value": values[second],
        "gain": 100 * (values[second] - own) / values[second],
        "gain_over_own": 100 * (values[second] - own) / own,
        "borne_out_by": borne_out,
    }
