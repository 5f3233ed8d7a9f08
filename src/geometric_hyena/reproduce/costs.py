"""How long models take beside one another: for the order of runs and the time left, never for a result."""

# A training step at some 1,000 tokens on a CPU, at equal numbers of parameters, over Geometric Hyena's.
_RELATIVE = {
    "linear": 0.1,
    "rf": 0.2,
    "hyena": 0.4,
    "transformer": 1.0,
    "egnn": 1.5,
    "g-transformer": 1.5,
    "schnet": 1.7,
    "tmd-et": 2.0,
    "leftnet": 3.0,
    "tfn": 3.5,
    "vn-transformer": 4.0,
    "equiformer": 18.0,
}


def relative_cost(model: str) -> float:
    """Time of a training step over Geometric Hyena's, roughly."""
    return _RELATIVE.get(model, 1.0)
