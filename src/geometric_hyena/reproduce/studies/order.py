"""Tokens without an order of their own: orders made from the positions, against random and given ones.

"none" has no long convolution at all: what the neighbours and global tokens alone reach, in any order.
"""

from typing import Any

from geometric_hyena.data.nbody import EDGE_FEATURES, NODE_FEATURES
from geometric_hyena.data.nbody.config import resolve_config
from geometric_hyena.reproduce.studies.shared import GEOMETRIC_HYENA, PROTEIN_MD, protein_budgets
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Budget, Sweep, Values, merged

_ORDERS = ("natural", "curve", "axis", "random", "none")
# Another order in every epoch would take away what is studied.
_AS_NUMBERED: dict[str, Any] = {
    "data": {"protocol": "se3-hyena", "augment": False, "scale": 1.0},
    "network": {"blocks": 2, "distance_bumps": 0},
}
_QUICK_NBODY: dict[str, Any] = {
    "data": {"train": 600, "validation": 100, "test": 500},
    "batch_size": 50,
    "dropout": 0.0,
    "network": {"hidden_dim": 32, "vector_channels": 8},
    "optimizer": {"learning_rate": 3e-3, "averaging": 0.95},
}


def _options(order: str) -> Values:
    return {"network": {"long_conv": False} if order == "none" else {"order": order}}


_SHARED: dict[str, Any] = {**GEOMETRIC_HYENA, "axis": "order of the tokens", "options": _options}

ORDER = Study(
    name="study-order",
    title="Tokens without an order: along a curve, along an axis, at random, as given",
    parts=(
        Sweep(
            name="study-order-protein-md",
            title="Adenylate kinase, where the chain gives an order",
            **protein_budgets(_ORDERS),
            **PROTEIN_MD,
            **_SHARED,
        ),
        Sweep(
            name="study-order-nbody",
            title="Charged particles, whose numbering means nothing",
            recipe="nbody",
            inputs={"scalar_dim": NODE_FEATURES, "vector_dim": 1, "edge_dim": EDGE_FEATURES},
            check=resolve_config,
            quick=Budget(_ORDERS, seeds=1, epochs=20, values=merged(_AS_NUMBERED, _QUICK_NBODY)),
            paper=Budget(_ORDERS, seeds=3, epochs=100, values=_AS_NUMBERED),
            reference="linear_motion",
            trivial=("linear_motion", "constant_velocity", "mean"),
            **_SHARED,
        ),
    ),
)
