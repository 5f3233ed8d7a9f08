"""Studies: questions that the papers leave open, answered by sweeps, by measurements, or both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from geometric_hyena.errors import InputError
from geometric_hyena.reproduce.sweep import Sweep

Row = dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """What a measurement found.

    Attributes:
        tables: caption -> rows of equal columns.
        curves: what the figure shows: name -> place on the axis -> value.
        references: curves that are drawn dashed.
    """

    tables: Mapping[str, Sequence[Row]]
    curves: Mapping[str, Mapping[Any, float]]
    references: Mapping[str, Mapping[Any, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """A part of a study in which nothing is trained.

    Attributes:
        name: of its figure.
        title: what it shows.
        axis: what the curves run over.
        quantity: what they show.
        measure: takes the sizes below.
        quick: sizes of a reduced measurement.
        paper: sizes of the full one.
        log_axis: whether the axis grows by factors.
    """

    name: str
    title: str
    axis: str
    quantity: str
    measure: Callable[..., Findings]
    quick: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, Any] = field(default_factory=dict)
    log_axis: bool = False

    def sizes(self, budget: str) -> Mapping[str, Any]:
        """The sizes of the budget of that name.

        Raises:
            InputError: where it is neither quick nor paper.
        """
        if budget not in ("quick", "paper"):
            raise InputError(f"--budget: expected quick or paper, got '{budget}'")
        return self.quick if budget == "quick" else self.paper


@dataclass(frozen=True)
class Study:
    """A question and the parts of its answer; sweeps of a study have the same axis.

    Attributes:
        name: as the command line knows it.
        title: the question.
        parts: in the order of the page.
    """

    name: str
    title: str
    parts: tuple[Sweep | Measurement, ...]
