"""`ghyena benchmark NAME`: ratios measured side by side, after a correctness check."""

from pathlib import Path

from geometric_hyena.cli.words import take_options, wants_help
from geometric_hyena.errors import InputError

_USAGE = """usage: ghyena benchmark NAME [--out DIR] [--threads N] [--quick true]

{names}

Checks that what it times is correct, then compares side by side in one process (A B A B, medians). Writes
NAME.json and NAME.md with command, commit and hardware.

  --out DIR       where to write (default: results/benchmarks)
  --threads N     CPU threads (default: 1)
  --quick true    the short lengths only; the table says that it is reduced
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    from geometric_hyena.benchmarks.run import BENCHMARKS, run_benchmark

    if not words or wants_help(words):
        print(_USAGE.format(names="\n".join(f"  {n:10}  {text}" for n, text in BENCHMARKS.items())), end="")
        return 0 if words else 2
    positional, options = take_options(words, ("out", "threads", "quick"), "benchmark")
    if len(positional) != 1:
        raise InputError(f"expected one benchmark, one of: {', '.join(BENCHMARKS)}")
    threads = options.get("threads", "1")
    if not threads.isdecimal() or not 1 <= int(threads) <= 1024:
        raise InputError(f"--threads: expected a whole number from 1 to 1024, got '{threads}'")
    quick = options.get("quick", "false")
    if quick not in ("true", "false"):
        raise InputError(f"--quick: expected true or false, got '{quick}'")
    folder = Path(options.get("out", "results/benchmarks"))
    print(run_benchmark(positional[0], folder, quick == "true", int(threads)))
    return 0
