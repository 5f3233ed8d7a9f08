"""All parts in turn, each in a process of its own and within its time; without a GPU only the plan."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch

from geometric_hyena.cli.words import wants_help
from geometric_hyena.errors import GHyenaError
from geometric_hyena.gpu_evidence.options import Options, read_options
from geometric_hyena.gpu_evidence.packages import missing_packages
from geometric_hyena.gpu_evidence.parts import PARTS, Part
from geometric_hyena.gpu_evidence.record import (
    FAILED,
    SKIPPED,
    Outcome,
    check_device,
    found_before,
    read_part,
    write_index,
    write_part,
)

_USAGE = """usage: python -m geometric_hyena.gpu_evidence [--OPTION VALUE ...]     (or: make gpu-evidence)

What is asked of a machine with a CUDA GPU, in parts; without a GPU it says what it would run, and stops.

{parts}

A part ends when it is done or its time is up; what it has found is kept, and the same command goes on.
Results are OUT/PART.json with device and versions, tables and figures beside them or in OUT/PART/, and
OUT/README.md. A part whose packages or data are missing is skipped, and its JSON says why. To begin a part
anew, delete its JSON, and its runs.

  --parts A,B      these parts only (default: all)
  --seconds N      time of each part (default: 500)
  --out DIR        results (default: results/gpu)
  --runs DIR       training runs; carry them along to go on elsewhere (default: runs/gpu)
  --jobs N         training runs at a time on the GPU (default: what cores and memory have room for)
  --data DIR       folder with open_vaccine/train.json and adk_equilibrium/ (default: $GHYENA_DATA)
  --budget, --models, --seeds, --epochs
                   of the parts that train, as of ghyena reproduce (default: --budget paper)

The package need not be installed: PYTHONPATH=src and a Python with torch are enough for figure1. Should
Triton fail, GHYENA_KERNELS=torch goes without. Table 1 needs ViennaRNA and biotite for sketches and pairing,
unless another machine has prepared them. There

    GHYENA_CACHE=DIR ghyena reproduce table1 --values open-vaccine-backbone,open-vaccine-all-atom \\
        --budget paper --models geometric-hyena --data ... --seconds 1

builds in DIR what is missing, and stops; then bring DIR along, and set GHYENA_CACHE here.
"""
# Beyond its time a part has so long to write down what it has found.
_GRACE = 120


def main(words: Sequence[str] | None = None) -> int:
    """Run the parts; returns the exit code: 0, 1 where a part failed, 2 where there is no GPU."""
    words = list(sys.argv[1:] if words is None else words)
    if wants_help(words):
        print(
            _USAGE.format(parts="\n".join(f"  {name:12} {part.title}" for name, part in PARTS.items())),
            end="",
        )
        return 0
    try:
        options = read_options(words, list(PARTS))
        if not torch.cuda.is_available():
            print_plan(options)
            raise GHyenaError("there is no CUDA GPU that PyTorch can use here: nothing was run")
        if len(options.parts) == 1:
            return run_part(PARTS[options.parts[0]], options)
        return run_each(options)
    except GHyenaError as error:
        print(f"gpu_evidence: {error}", file=sys.stderr)
        return 2


def print_plan(options: Options) -> None:
    """What would be run, and what is missing for it."""
    for name in options.parts:
        part = PARTS[name]
        state = read_part(options.out, name).get("state", "not begun")
        print(f"{name}: {part.title} ({state}; up to {options.seconds} s a call)")
        for line in part.plan(options):
            print(f"    {line}")
        missing = missing_packages(part.packages)
        if missing:
            print(f"    would be skipped: {_advice(missing)}")
    print(flush=True)


def run_part(part: Part, options: Options) -> int:
    """Run one part in this process, and write what it found."""
    deadline = time.monotonic() + options.seconds
    earlier = read_part(options.out, part.name)
    if part.one_device:
        check_device(earlier, options.out, part.name)
    command = " ".join(["python -m geometric_hyena.gpu_evidence", *options.words()])
    missing = missing_packages(part.packages)
    save = partial(write_part, options.out, part.name, part.title, command)
    try:
        outcome = (
            Outcome(SKIPPED, _advice(missing), {})
            if missing
            else part.run(options, earlier, command, deadline)
        )
    except Exception as error:
        # Never seen before, on a machine that may not be had again: what was found is kept.
        save(Outcome(FAILED, f"{type(error).__name__}: {error}", found_before(options.out, part.name)))
        raise
    save(outcome)
    write_index(options.out, tuple(PARTS))
    print(f"{part.name}: {outcome.state}: {outcome.note}", flush=True)
    return 1 if outcome.state == FAILED else 0


def run_each(options: Options) -> int:
    """Run every part in a process of its own, so that a GPU which one of them breaks serves the next."""
    codes = []
    for name in options.parts:
        words = replace(options, parts=(name,)).words()
        command = [sys.executable, "-m", "geometric_hyena.gpu_evidence", *words]
        try:
            codes.append(subprocess.run(command, timeout=options.seconds + _GRACE).returncode)
        except subprocess.TimeoutExpired:
            codes.append(1)
            print(f"{name}: {FAILED}: did not end {_GRACE} s after its time and was ended", flush=True)
            continue
        if codes[-1] not in (0, 1, 2):
            print(f"{name}: {FAILED}: its process ended with {codes[-1]}", flush=True)
    return 1 if any(codes) else 0


def _advice(missing: list[str]) -> str:
    return f"this Python has not: {', '.join(missing)}; pip install 'geometric-hyena[train,bio]'"
