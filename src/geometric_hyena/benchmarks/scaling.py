"""`ghyena benchmark scaling`: time and memory of one block against N, how they grow, and what fits."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from geometric_hyena.benchmarks import growth, one_block, sizes
from geometric_hyena.benchmarks.measure import times_and_peaks
from geometric_hyena.benchmarks.one_block import FUSED, HIDDEN, MATERIALISED, MODES, NEIGHBORS, OURS, Prepared
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.errors import InputError
from geometric_hyena.memory import GIB, spoken_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LENGTHS = (1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 262_144, 1_048_576, 2_000_000)
_QUICK_LARGEST = 65_536
_MILLION = 1_048_576  # where memory and growth are judged

# name: (N, channels, device) -> what is called in each mode, and the bytes it is given
MODELS: dict[str, Callable[..., dict[str, Prepared]]] = {
    name: partial(one_block.prepare, name) for name in (OURS, FUSED, MATERIALISED)
}


def title(settings: Settings) -> str:
    """What is measured."""
    return f"One block, H = {HIDDEN}, C = {settings.channels}, k = {NEIGHBORS}, against the number of tokens"


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless the blocks to be timed are equivariant.

    Raises:
        InputError: for a memory budget that cannot be met; it says what would fit.
    """
    one_block.check(settings.channels, device)
    _check_budget(settings, device)


def _check_budget(settings: Settings, device: torch.device) -> None:
    need: dict[str, int] = {}
    per_token: dict[str, float] = {}
    for length in LENGTHS[1::-1]:
        prepared = MODELS[OURS](length, channels=settings.channels, device=device)
        found = times_and_peaks({mode: prepared[mode].call for mode in MODES}, repeats=1)
        per_token = per_token or {mode: (found[mode].bytes + prepared[mode].held) / length for mode in MODES}
        need = {mode: found[mode].bytes + prepared[mode].held for mode in MODES}
    most = max(need.values())
    if settings.memory >= most:
        return
    room = max(GIB, 4 * most)
    raise InputError(
        f"--memory {spoken_size(settings.memory)}: one block of H = {HIDDEN}, C = {settings.channels} needs "
        f"at least {spoken_size(need['forward'])} forward and {spoken_size(need['training'])} in training "
        f"(N = {LENGTHS[0]:,}, the shortest measured); at {spoken_size(room)} about "
        f"N = {room / per_token['forward']:,.0f} tokens fit forward, "
        f"{room / per_token['training']:,.0f} in training"
    )


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a length, model and mode, each model until the next call would pass a limit."""
    models = {
        name: partial(prepare, channels=settings.channels, device=device) for name, prepare in MODELS.items()
    }
    lengths = [n for n in LENGTHS if n <= _QUICK_LARGEST] if settings.quick else LENGTHS
    yield from sizes.measured(models, MODES, lengths, settings, device, ours=OURS)


def fits(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Per model and mode: exponents in N, memory per token, and the largest N for the memory budget."""
    return sizes.fits(found, settings)


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """What is asked of the block at C = 16, what was measured, and whether it holds."""
    if settings.channels != 16:
        return []
    longest = max((row["N"] for row in found if row["model"] == OURS and row["mode"] == "forward"), default=0)
    asked: list[tuple[str, float | None, str, float]] = [
        ("tokens through one block, forward", longest, "least", LENGTHS[-1])
    ]
    for mode, most_bytes, least_tokens in (("forward", 2200, 10_000_000), ("training", 6000, 4_000_000)):
        part = [r for r in found if r["model"] == OURS and r["mode"] == mode and r["N"] <= _MILLION]
        done = part[-1]["N"] == _MILLION
        used = part[-1]["bytes per token"] if done else None
        tokens = sizes.largest(part, 24 * GIB) if done else None
        asked += [
            (f"bytes per token, {mode}, N = 1M", used, "most", most_bytes),
            (f"tokens {mode} in 24 GiB with inputs", tokens, "least", least_tokens),
        ]
        power = growth.exponent([row["N"] for row in part], [row["seconds"] for row in part])
        asked.append((f"exponent of time, {mode}, 32k to 1M", power if done else None, "most", 1.1))
    return [verdict(*line) for line in asked]


def figure(record: dict[str, Any]) -> "Figure":
    """Time and memory against N."""
    from geometric_hyena.benchmarks.figures import scaling_figure

    return scaling_figure(record["rows"])
