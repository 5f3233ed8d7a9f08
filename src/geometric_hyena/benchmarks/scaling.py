"""`ghyena benchmark scaling`: time and memory of one block against N, how they grow, and what fits."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from geometric_hyena.benchmarks import growth, one_block
from geometric_hyena.benchmarks.measure import Measured, free_bytes, times_and_peaks
from geometric_hyena.benchmarks.one_block import FUSED, HIDDEN, MATERIALISED, MODES, NEIGHBORS, OURS, Prepared
from geometric_hyena.benchmarks.settings import GIB, Settings, spoken_size
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LENGTHS = (1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 262_144, 1_048_576)
_QUICK_LARGEST = 65_536
_LARGEST = 1_048_576
# Of the memory that is free, so much is taken at most.
_SHARE = 0.8

# name: (N, C, device) -> what is called in each mode, and the bytes it is given
MODELS: dict[str, Callable[[int, int, torch.device], dict[str, Prepared]]] = {
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
        prepared = MODELS[OURS](length, settings.channels, device)
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
    going = [(name, mode) for name in MODELS for mode in MODES]
    past: dict[tuple[str, str], list[dict[str, Any]]] = {key: [] for key in going}
    for length in LENGTHS:
        if settings.quick and length > _QUICK_LARGEST:
            return
        going = [key for key in going if _goes_on(past[key], length, settings, device)]
        prepared = {name: MODELS[name](length, settings.channels, device) for name in dict(going)}
        found = times_and_peaks({" ".join(key): prepared[key[0]][key[1]].call for key in going}, repeats=3)
        for name, mode in going:
            row = _row(length, name, mode, found, prepared[name][mode].held)
            past[name, mode].append(row)
            yield row
        del prepared  # before the next, larger inputs


def _row(length: int, name: str, mode: str, found: dict[str, Measured], held: int) -> dict[str, Any]:
    seconds, memory = found[f"{name} {mode}"]
    ours = found.get(f"{OURS} {mode}")
    return {
        "N": length,
        "model": name,
        "mode": mode,
        "seconds": seconds,
        "time / ours": seconds / ours.seconds if ours else None,
        "bytes per token": memory / length,
        "bytes per token with inputs": (memory + held) / length,
    }


def _goes_on(past: list[dict[str, Any]], length: int, settings: Settings, device: torch.device) -> bool:
    """Whether a call at this length is expected to take no more memory and, for a peer, time than asked."""
    if not past:
        return True
    sizes = [row["N"] for row in past]
    seconds = growth.expected(sizes, [row["seconds"] for row in past], length)
    memory = growth.expected(sizes, [max(1.0, row["N"] * row["bytes per token"]) for row in past], length)
    free = free_bytes(device)
    most = settings.limit_memory if free is None else min(settings.limit_memory, _SHARE * free)
    return memory <= most and (past[0]["model"] == OURS or seconds <= settings.limit)


def fits(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Per model and mode: exponents in N, memory per token, and the largest N for the memory budget."""
    return [
        _fit([row for row in found if row["model"] == name and row["mode"] == mode], settings.memory)
        for name in dict.fromkeys(row["model"] for row in found)
        for mode in MODES
        if any(row["model"] == name and row["mode"] == mode for row in found)
    ]


def _fit(part: list[dict[str, Any]], budget: int) -> dict[str, Any]:
    sizes = [row["N"] for row in part]
    own = [row["N"] * row["bytes per token"] for row in part]
    known = min(own) > 0
    over = sizes[growth.fitted(sizes)]
    return {
        "model": part[0]["model"],
        "mode": part[0]["mode"],
        "fitted over N": f"{over[0]:,} to {over[-1]:,}",
        "exponent of time": growth.exponent(sizes, [row["seconds"] for row in part]),
        "exponent of memory": growth.exponent(sizes, own) if known else None,
        "bytes per token": growth.per_token(sizes, own) if known else None,
        f"largest N in {spoken_size(budget)}": _largest(part, budget) if known else None,
    }


def _largest(part: list[dict[str, Any]], budget: int) -> int | None:
    return growth.largest_within(
        budget, [row["N"] for row in part], [row["N"] * row["bytes per token with inputs"] for row in part]
    )


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """What is asked of the block at C = 16 and N = 1M, what was measured, and whether it holds."""
    if settings.channels != 16:
        return []
    asked = []
    for mode, most_bytes, least_tokens in (("forward", 2200, 10_000_000), ("training", 6000, 4_000_000)):
        part = [row for row in found if row["model"] == OURS and row["mode"] == mode]
        done = part[-1]["N"] >= _LARGEST
        used = part[-1]["bytes per token"] if done else None
        tokens = _largest(part, 24 * GIB) if done else None
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
