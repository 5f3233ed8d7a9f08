"""A corrupted order: error by the part of the tokens that is displaced, in training and in the test alike."""

from typing import Any

from geometric_hyena.reproduce.studies.shared import (
    GEOMETRIC_HYENA,
    PROTEIN_MD,
    RECALL,
    protein_budgets,
    recall_budgets,
)
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Sweep, Values

_FRACTIONS = (0.0, 0.1, 0.3, 1.0)


def _options(fraction: float) -> Values:
    # The ends by their names: study-order trains the same, and runs are shared.
    order = {0.0: "natural", 1.0: "random"}.get(fraction, f"displaced:{fraction:g}")
    return {"network": {"order": order}}


_SHARED: dict[str, Any] = {**GEOMETRIC_HYENA, "axis": "part of the tokens displaced", "options": _options}

CORRUPTION = Study(
    name="study-corruption",
    title="Error by the part of the tokens that is displaced",
    parts=(
        Sweep(
            name="study-corruption-recall",
            title="Associative recall, tokens displaced",
            **recall_budgets(_FRACTIONS),
            **RECALL,
            **_SHARED,
        ),
        Sweep(
            name="study-corruption-protein-md",
            title="Adenylate kinase, tokens displaced",
            **protein_budgets(_FRACTIONS),
            **PROTEIN_MD,
            **_SHARED,
        ),
    ),
)
