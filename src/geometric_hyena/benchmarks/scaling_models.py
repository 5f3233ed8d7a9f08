"""`ghyena benchmark scaling --models all`: one layer of every model against N, beside Geometric Hyena's.

The papers' Figure 1, with the fused attention beside the materialised one, and packages as one installs them.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from geometric_hyena.benchmarks import one_layer, sizes
from geometric_hyena.benchmarks.one_block import HIDDEN, MODES, NEIGHBORS
from geometric_hyena.benchmarks.one_layer import DENSE_PACKAGE, MATERIALISED, OURS, PEERS, SPARSE_PACKAGE
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.operators.kernels import numba_imports

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LENGTHS = (128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 262_144, 1_048_576)
_QUICK_LARGEST = 2048

# Time over Geometric Hyena's of a compiled prototype: one thread of a CPU, forward, H = C = 80.
_PROTOTYPE_CHANNELS = 80
_PROTOTYPE = {
    (SPARSE_PACKAGE, 512): 4.0,
    (SPARSE_PACKAGE, 1024): 4.0,
    (DENSE_PACKAGE, 512): 200.0,
    (DENSE_PACKAGE, 1024): 200.0,
    ("g-transformer", 1024): 2.2,
    ("g-transformer", 8192): 9.4,
    ("g-transformer", 16_384): 16.0,
    (MATERIALISED, 8192): 57.0,
    ("vn-transformer", 1024): 95.0,
    ("equiformer", 1024): 119.0,
}


def title(settings: Settings) -> str:
    """What is measured."""
    return f"One layer of every model, H = {HIDDEN}, C = {settings.channels}, k = {NEIGHBORS}"


def installed(settings: Settings) -> tuple[Settings, dict[str, str]]:
    """For all models: settings that name those that can be made, and why each other cannot.

    A model asked for by name stays: `check` raises where its package is missing.
    """
    if settings.models not in ((), ("all",)):
        return settings, {}
    reasons = {name: one_layer.missing(name, settings.channels) for name in _names(settings)}
    present = tuple(name for name, reason in reasons.items() if not reason)
    return replace(settings, models=present), {name: why for name, why in reasons.items() if why}


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless all models say finite numbers with the symmetry that they claim.

    Raises:
        InputError: for a model that is none.
        MissingDependencyError: for a model whose package is not installed.
    """
    for name in _names(settings):
        one_layer.check(name, settings.channels, device)


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a length, model and mode, each model until the next call would pass a limit."""
    modes = MODES if settings.training else MODES[:1]
    models = {
        name: partial(one_layer.prepare, name, channels=settings.channels, modes=modes, device=device)
        for name in _names(settings)
    }
    lengths = [n for n in LENGTHS if n <= _QUICK_LARGEST] if settings.quick else LENGTHS
    yield from sizes.measured(models, modes, lengths, settings, device, ours=OURS, together=False)


def fits(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Per model and mode: its cost as published, fitted exponents, memory per token, largest N that fits."""
    return [
        {"model": fit["model"], "time in N": PEERS[fit["model"]].time, **fit}
        for fit in sizes.fits(found, settings)
    ]


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """The prototype's ratios of time, those measured, and whether they are reached.

    Asked where the prototype was measured: compiled kernels, one thread of a CPU, and as many channels.
    """
    like_prototype = numba_imports() and torch.get_num_threads() == 1 and not torch.cuda.is_available()
    if not like_prototype or settings.channels != _PROTOTYPE_CHANNELS:
        return []
    ratios = {(row["model"], row["N"]): row["time / ours"] for row in found if row["mode"] == "forward"}
    measured = dict.fromkeys(row["model"] for row in found)
    return [
        verdict(f"time of {name} / ours, N = {length:,}", ratios.get((name, length)), "least", bound)
        for (name, length), bound in _PROTOTYPE.items()
        if name in measured
    ]


def figure(record: dict[str, Any]) -> "Figure":
    """Time and memory against N, coloured by the growth that was published."""
    from geometric_hyena.benchmarks.figures import models_figure

    return models_figure(record["rows"], {fit["model"]: fit["time in N"] for fit in record["fits"]})


def _names(settings: Settings) -> list[str]:
    return one_layer.chosen(settings.models or ("all",))
