"""N-body by protocol (SE(3)-Hyena, Table 1; EGNN's Table 2 beside it).

SE(3)-Hyena's Linear (0.0322) is reached by no protocol known to us (its data or normalisation differ), so its
numbers compare as ratios to Linear only.
"""

from typing import Any

from geometric_hyena.data.nbody import EDGE_FEATURES, NODE_FEATURES
from geometric_hyena.data.nbody.config import resolve_config
from geometric_hyena.reproduce.sweep import Budget, Published, Sweep

_TOKENS = 5000  # of an epoch of 1,000 trajectories
_COST = {"egnn": 3.0, "se3-hyena": 1.0, "fuchs": 3.0}


def _published(protocol: str, source: str, errors: dict[str, float]) -> tuple[Published, ...]:
    """What a paper prints, with its Linear as what all are compared with."""
    return tuple(
        Published(model, protocol, error, source, errors["Linear"]) for model, error in errors.items()
    )


_OWN = _published(
    "se3-hyena",
    "SE(3)-Hyena, Table 1",
    {
        "Linear": 0.0322,
        "Transformer": 0.0163,
        "Hyena": 0.0150,
        "SE(3)-Transformer": 0.0019,
        "SE(3)-Hyena": 0.0018,
    },
)
_EGNN = _published(
    "egnn",
    "EGNN, Table 2",
    {
        "Linear": 0.0819,
        "SE(3)-Transformer": 0.0244,
        "TFN": 0.0155,
        "Radial Field": 0.0104,
        "EGNN": 0.0071,
    },
)
_SMALL: dict[str, Any] = {
    "data": {"train": 1000, "validation": 300, "test": 300},
    "optimizer": {"averaging": 0.99},
    "dropout": 0.0,  # too few steps to learn by heart
}

NBODY = Sweep(
    name="nbody",
    title="Charged particles: squared error of positions 1,000 steps ahead, by protocol",
    recipe="nbody",
    axis="protocol",
    models=(
        "geometric-hyena",
        "se3-hyena",
        "g-transformer",
        "se3-transformer",
        "egnn",
        "hyena",
        "transformer",
    ),
    options=lambda protocol: {"data": {"protocol": protocol}},
    inputs={"scalar_dim": NODE_FEATURES, "vector_dim": 1, "edge_dim": EDGE_FEATURES},
    cost=lambda protocol: _COST.get(protocol, 1.0),
    check=resolve_config,
    quick=Budget(("egnn", "se3-hyena"), seeds=1, epochs=60, values=_SMALL, tokens=_TOKENS),
    paper=Budget(("egnn", "se3-hyena", "fuchs"), seeds=3, epochs=300, tokens=_TOKENS),
    reference="linear_motion",
    trivial=("linear_motion", "constant_velocity", "mean"),
    published=_OWN + _EGNN,
)
