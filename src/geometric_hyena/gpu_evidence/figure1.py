"""Part (b): Figure 1 on a GPU, to the end of its memory, and again as if it had 24 GiB.

One block of Geometric Hyena, and the same block with fused and with materialised attention; forward, and
forward and backward. Each at growing numbers of tokens until memory ends or a call would take too long, then
in between; what was measured is not measured again.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from geometric_hyena.benchmarks import growth, one_block
from geometric_hyena.benchmarks.measure import PATIENCE
from geometric_hyena.benchmarks.one_block import FUSED, HIDDEN, MATERIALISED, MODES, NEIGHBORS, OURS
from geometric_hyena.gpu_evidence.device import cap_matters, capped, first_gpu, release, still_answers
from geometric_hyena.gpu_evidence.figure1_page import Row, of, write_page
from geometric_hyena.gpu_evidence.ladder import FAILED, MEASURED, SIZES, TOO_LONG, next_size
from geometric_hyena.gpu_evidence.one_size import measured
from geometric_hyena.gpu_evidence.options import Options
from geometric_hyena.gpu_evidence.record import DONE, UNFINISHED, Content, Outcome, write_part
from geometric_hyena.gpu_evidence.record import FAILED as PART_FAILED
from geometric_hyena.memory import GIB
from geometric_hyena.operators.kernels import native_backend
from geometric_hyena.provenance import environment

NAME = "figure1"
TITLE = f"Figure 1: one block against attention, H = C = {HIDDEN}, k = {NEIGHBORS}"
CHANNELS = 80
# None, and that of the A10G on which the paper measured.
CAPS = (None, 24)
# Seconds that a call may take.
LIMIT = 60.0
# To measure takes so many calls: fewer where one has no second turn, and with room for a slower one.
_CALLS, _LONG_CALLS = 8, 2
_MODELS = (OURS, FUSED, MATERIALISED)

Key = tuple[int | None, str, str]  # cap in GiB, model, mode


def plan(options: Options) -> list[str]:
    """What is run."""
    sizes = f"{SIZES[0]:,}, {SIZES[1]:,}, ... tokens until memory ends, or a call would take {LIMIT:.0f} s"
    return [
        f"{', '.join(_MODELS)}; {' and '.join(MODES)}; {sizes}",
        f"without a cap on the GPU's memory, then with one of {CAPS[1]} GiB",
        f"writes {options.out}/{NAME}.json, .md and .svg",
    ]


def run(options: Options, earlier: Content, command: str, deadline: float) -> Outcome:
    """Measure on the GPU until all is known or the time is up."""
    save = partial(write_part, options.out, NAME, TITLE, command)
    found = climb(earlier, first_gpu(), deadline, save=save)
    write_page(found.content["rows"], NAME, TITLE, options.out)
    return found


def climb(
    earlier: Content,
    device: torch.device,
    deadline: float,
    *,
    sizes: Sequence[int] = SIZES,
    channels: int = CHANNELS,
    limit: float = LIMIT,
    save: Any = lambda outcome: None,
) -> Outcome:
    """Go on from the rows of earlier calls.

    Args:
        earlier: the record so far; empty at first.
        device: where the blocks are measured. On a CPU nothing is capped.
        deadline: on the clock of `time.monotonic`.
        sizes: ascending numbers of tokens.
        channels: C, vector channels.
        limit: seconds; nothing is measured whose call would take longer.
        save: called with the outcome so far after every row.
    """
    rows: list[Row] = list(earlier.get("rows", ()))
    commit = environment()["commit"]
    notes = [_cap_note(cap, device) for cap in CAPS if cap and not cap_matters(cap * GIB, device)]
    content: Content = {
        "channels": channels,
        "limit seconds": limit,
        "kernels": native_backend(torch.zeros(1, device=device)) or "torch",
        "notes": notes,
        "rows": rows,
    }
    try:
        one_block.check(channels, device)
    except AssertionError as error:
        why = str(error).strip().splitlines()[0]
        return Outcome(PART_FAILED, f"its correctness check fails, nothing is timed: {why}", content)
    for cap in [cap for cap in CAPS if cap is None or cap_matters(cap * GIB, device)]:
        with capped(None if cap is None else cap * GIB, device):
            while (chosen := _next(rows, cap, sizes)) is not None:
                key, length = chosen
                seconds = _expected(rows, key, length)
                if seconds > limit:
                    rows.append(_row(key, length, TOO_LONG) | {"expected seconds": seconds})
                    continue
                calls = _LONG_CALLS if seconds > PATIENCE else _CALLS
                if time.monotonic() + calls * seconds > deadline:
                    return Outcome(UNFINISHED, f"{len(rows)} sizes known; the next call goes on", content)
                found = measured(key[1], key[2], length, channels, device)
                rows.append({"cap GiB": cap, **found, "commit": commit})
                save(Outcome(UNFINISHED, f"{len(rows)} sizes known; the next call goes on", content))
                if rows[-1]["outcome"] == FAILED and not still_answers(device):
                    why = f"the GPU answers no more after {length:,} tokens of {key[1]}: {rows[-1]['why']}"
                    return Outcome(PART_FAILED, f"{why}; the next call goes on with the others", content)
                release()
    broken = [f"{row['model']}, {row['N']:,} tokens: {row['why']}" for row in rows if "why" in row]
    if broken:
        return Outcome(PART_FAILED, "; ".join(broken), content)
    return Outcome(DONE, f"{len(rows)} sizes known", content)


def _cap_note(cap: int, device: torch.device) -> str:
    if device.type != "cuda":
        return f"a CPU's memory cannot be capped at {cap} GiB: measured without a cap alone"
    return f"this GPU has no more than {cap} GiB: measured without a cap alone"


def _next(rows: Sequence[Row], cap: int | None, sizes: Sequence[int]) -> tuple[Key, int] | None:
    """Which block at which size: the smallest first, so that none waits for another's long calls."""
    waiting = []
    for mode in MODES:
        for model in _MODELS:
            known = {row["N"]: row["outcome"] for row in of(rows, (cap, model, mode))}
            length = next_size(known, sizes, _start(rows, cap, model, mode))
            if length is not None:
                waiting.append(((cap, model, mode), length))
    return min(waiting, key=lambda choice: choice[1], default=None)


def _start(rows: Sequence[Row], cap: int | None, model: str, mode: str) -> int:
    """Under a cap, the largest size that takes half of it without: smaller ones cost the same again."""
    if cap is None:
        return 0
    free = [row for row in of(rows, (None, model, mode)) if row["outcome"] == MEASURED]
    return max((row["N"] for row in free if row["peak bytes"] <= cap * GIB / 2), default=0)


def _expected(rows: Sequence[Row], key: Key, length: int) -> float:
    """Seconds that a call is expected to take, from smaller sizes; a cap changes nothing about that."""
    same = [row for row in rows if (row["model"], row["mode"]) == key[1:] and row["outcome"] == MEASURED]
    seconds = {row["N"]: row["seconds"] for row in same if row["N"] <= length}
    if length in seconds or not seconds:
        return seconds.get(length, 0.0)
    known = sorted(seconds)
    return growth.expected(known, [seconds[n] for n in known], length)


def _row(key: Key, length: int, outcome: str) -> Row:
    return {"cap GiB": key[0], "model": key[1], "mode": key[2], "N": length, "outcome": outcome}
