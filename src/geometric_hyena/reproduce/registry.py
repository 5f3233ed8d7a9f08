"""Sweeps and studies by name."""

from geometric_hyena.errors import InputError
from geometric_hyena.reproduce import nbody, recall, runtime, studies
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Sweep

SWEEPS: dict[str, Sweep] = {
    sweep.name: sweep for sweep in (recall.LENGTH, recall.WIDTH, recall.VOCABULARY, nbody.NBODY)
}
STUDIES: dict[str, Study] = {study.name: study for study in (*studies.ALL, *runtime.ALL)}


def entries() -> dict[str, Sweep | Study]:
    """All of them."""
    return {**SWEEPS, **STUDIES}


def find_entry(name: str) -> Sweep | Study:
    """The sweep or study of that name.

    Raises:
        InputError: listing those there are.
    """
    if name not in entries():
        raise InputError(f"reproduce: there is no '{name}'; choose one of: {', '.join(entries())}")
    return entries()[name]
