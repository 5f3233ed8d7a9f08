"""Sweeps by name."""

from geometric_hyena.errors import InputError
from geometric_hyena.reproduce import nbody, recall
from geometric_hyena.reproduce.sweep import Sweep

SWEEPS: dict[str, Sweep] = {
    sweep.name: sweep for sweep in (recall.LENGTH, recall.WIDTH, recall.VOCABULARY, nbody.NBODY)
}


def find_sweep(name: str) -> Sweep:
    """The sweep of that name.

    Raises:
        InputError: listing the sweeps there are.
    """
    if name not in SWEEPS:
        raise InputError(f"reproduce: there is no '{name}'; choose one of: {', '.join(SWEEPS)}")
    return SWEEPS[name]
