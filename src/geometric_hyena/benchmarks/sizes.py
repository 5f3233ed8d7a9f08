"""Models at growing numbers of tokens, each until its next call would pass a limit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from geometric_hyena.benchmarks import growth
from geometric_hyena.benchmarks.measure import Measured, times_and_peaks
from geometric_hyena.benchmarks.one_block import Prepared
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.memory import free_bytes, spoken_size

# Of the memory that is free, so much is taken at most.
_SHARE = 0.8

Row = dict[str, Any]
# N -> by mode: what is called, and the bytes it is given
Prepare = Callable[[int], Mapping[str, Prepared]]
Key = tuple[str, str]


def measured(
    models: Mapping[str, Prepare],
    modes: Sequence[str],
    lengths: Sequence[int],
    settings: Settings,
    device: torch.device,
    *,
    ours: str,
    together: bool = True,
) -> Iterator[Row]:
    """One row a length, model and mode.

    Args:
        models: what prepares each at a length.
        modes: of what is prepared, those to measure.
        lengths: ascending numbers of tokens.
        settings: with the limits of time and memory.
        device: where it runs.
        ours: the model that the others are compared with; time is no limit for it.
        together: whether all models take turns; else each takes turns with ours alone, and only the inputs
            of those two are held at a time.
    """
    going = [(name, mode) for name in models for mode in modes]
    past: dict[Key, list[Row]] = {key: [] for key in going}
    for length in lengths:
        going = [key for key in going if _goes_on(past[key], length, settings, device, key[0] == ours)]
        own = {ours: models[ours](length)} if any(name == ours for name, _ in going) else {}
        for turn in [going] if together else _pairs(going, ours):
            others = {name for name, _ in turn} - {ours}
            prepared = own | {name: models[name](length) for name in others}
            found = times_and_peaks({" ".join(key): prepared[key[0]][key[1]].call for key in turn}, repeats=3)
            for name, mode in turn:
                if name == ours and past[name, mode] and past[name, mode][-1]["N"] == length:
                    continue  # from its turn alone
                row = _row(length, name, mode, found, prepared[name][mode].held, ours)
                past[name, mode].append(row)
                yield row
            del prepared  # before the next inputs
        del own


def _pairs(going: Sequence[Key], ours: str) -> list[list[Key]]:
    """Ours alone, then each of the others beside ours."""
    own = [key for key in going if key[0] == ours]
    others = dict.fromkeys(name for name, _ in going if name != ours)
    turns = [own, *(own + [key for key in going if key[0] == name] for name in others)]
    return [turn for turn in turns if turn]


def _row(length: int, name: str, mode: str, found: Mapping[str, Measured], held: int, ours: str) -> Row:
    seconds, memory = found[f"{name} {mode}"]
    beside = found.get(f"{ours} {mode}")
    return {
        "N": length,
        "model": name,
        "mode": mode,
        "seconds": seconds,
        "time / ours": seconds / beside.seconds if beside else None,
        "bytes per token": memory / length,
        "bytes per token with inputs": (memory + held) / length,
    }


def _goes_on(past: list[Row], length: int, settings: Settings, device: torch.device, is_ours: bool) -> bool:
    """Whether a call at this length is expected to take no more memory and, for a peer, time than asked."""
    if not past:
        return True
    sizes = [row["N"] for row in past]
    seconds = growth.expected(sizes, [row["seconds"] for row in past], length)
    memory = growth.expected(sizes, [max(1.0, row["N"] * row["bytes per token"]) for row in past], length)
    free = free_bytes(device)
    most = settings.limit_memory if free is None else min(settings.limit_memory, _SHARE * free)
    return memory <= most and (is_ours or seconds <= settings.limit)


def fits(found: Sequence[Row], settings: Settings) -> list[Row]:
    """Per model and mode: exponents in N, memory per token, and the largest N for the memory budget."""
    keys = dict.fromkeys((row["model"], row["mode"]) for row in found)
    models = dict.fromkeys(row["model"] for row in found)
    return [
        _fit([row for row in found if (row["model"], row["mode"]) == key], settings.memory)
        for key in sorted(keys, key=lambda key: list(models).index(key[0]))
    ]


def _fit(part: list[Row], budget: int) -> Row:
    sizes = [row["N"] for row in part]
    own = [row["N"] * row["bytes per token"] for row in part]
    used = growth.fitted(sizes)
    known, over = min(own[used]) > 0, sizes[used]
    return {
        "model": part[0]["model"],
        "mode": part[0]["mode"],
        "fitted over N": f"{over[0]:,} to {over[-1]:,}",
        "exponent of time": growth.exponent(sizes, [row["seconds"] for row in part]),
        "exponent of memory": growth.exponent(sizes, own) if known else None,
        "bytes per token": growth.per_token(sizes, own) if known else None,
        f"largest N in {spoken_size(budget)}": largest(part, budget) if known else None,
    }


def largest(part: Sequence[Row], budget: int) -> int | None:
    """The largest N of a model and mode whose memory, inputs included, stays within the budget."""
    return growth.largest_within(
        budget, [row["N"] for row in part], [row["N"] * row["bytes per token with inputs"] for row in part]
    )
