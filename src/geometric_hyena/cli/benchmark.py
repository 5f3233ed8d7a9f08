"""`ghyena benchmark NAME`: ratios measured side by side, after a correctness check."""

from pathlib import Path

from geometric_hyena.cli.words import comma_separated, take_options, wants_help, whole_number
from geometric_hyena.errors import InputError

_USAGE = """usage: ghyena benchmark NAME [--out DIR] [--threads N] [--quick true]
       ghyena benchmark NAME --from FILE.json [--out DIR]

{names}

Checks that what it times is correct, then compares side by side in one process (A B A B, medians). Writes
NAME.json with command, commit and hardware, NAME.md and NAME.svg.

  --out DIR       where to write (default: results/benchmarks, or where FILE.json is)
  --threads N     CPU threads (default: 1)
  --quick true    the short lengths only; the table says that it is reduced
  --from FILE     measure nothing: write table and figure again from an earlier run's JSON

scaling and streaming:
  --models all|A,B      scaling: one layer of these models beside Geometric Hyena's (scaling-models)
  --training true       with --models: forward and backward, too
  --channels C          vector channels (default: 16; with --models: 80)
  --memory SIZE         scaling: for which to state the largest N (24GiB); streaming: the budget (2GiB)
  --tokens N            streaming: N (default: 1000000); needs about 3 KB of disk a token, in TMPDIR
  --limit SECONDS       scaling: no call of another model that would take longer (default: 60)
  --limit-memory SIZE   scaling: no call that would take more memory (default: 12GiB)
"""

_MODELS = ("models", "training")
_SCALING = ("scaling", "scaling-models")
# option: benchmarks that have it
_OWN = {
    "channels": (*_SCALING, "streaming"),
    "memory": (*_SCALING, "streaming"),
    "tokens": ("streaming",),
    "limit": _SCALING,
    "limit-memory": _SCALING,
    "models": _SCALING,
    "training": _SCALING,
}


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    from geometric_hyena.benchmarks.run import BENCHMARKS, redraw, run_benchmark

    if not words or wants_help(words):
        print(_USAGE.format(names="\n".join(f"  {n:16}  {text}" for n, text in BENCHMARKS.items())), end="")
        return 0 if words else 2
    names = ("out", "threads", "quick", "from", *_OWN)
    positional, options = take_options(words, names, "benchmark")
    if len(positional) != 1:
        raise InputError(f"expected one benchmark, one of: {', '.join(BENCHMARKS)}")
    (name,) = positional
    if name == "scaling" and "models" in options:
        name = "scaling-models"
    if "from" in options:
        file = Path(options["from"])
        for other in options.keys() - {"from", "out"}:
            raise InputError(f"--{other}: says how to measure, and --from measures nothing")
        print(redraw(name, file, Path(options.get("out", file.parent))))
        return 0
    threads = whole_number(options, "threads", 1024) or 1
    folder = Path(options.get("out", "results/benchmarks"))
    print(run_benchmark(name, folder, _settings(name, options), threads))
    return 0


def _settings(name: str, options: dict[str, str]):
    from geometric_hyena.benchmarks.settings import Settings
    from geometric_hyena.memory import GIB, memory_size

    for option, owners in _OWN.items():
        if option in options and name not in owners:
            known = " and ".join(owner for owner in owners if owner != "scaling-models")
            raise InputError(f"--{option}: is an option of ghyena benchmark {known}, not of {name}")
        if option in options and option in _MODELS and name == "scaling":
            raise InputError(f"--{option}: goes with --models all, or --models A,B")
    defaults = {
        "scaling-models": Settings(channels=80),
        "streaming": Settings(memory=2 * GIB),
    }.get(name, Settings())
    sizes = {
        option: memory_size(options[option], f"--{option}") if option in options else default
        for option, default in (("memory", defaults.memory), ("limit-memory", defaults.limit_memory))
    }
    return Settings(
        quick=_truth(options, "quick"),
        channels=whole_number(options, "channels", 256) or defaults.channels,
        memory=sizes["memory"],
        tokens=whole_number(options, "tokens", 10**10) or defaults.tokens,
        limit=whole_number(options, "limit", 86_400) or defaults.limit,
        limit_memory=sizes["limit-memory"],
        models=tuple(comma_separated(options, "models")),
        training=_truth(options, "training"),
    )


def _truth(options: dict[str, str], name: str) -> bool:
    text = options.get(name, "false")
    if text not in ("true", "false"):
        raise InputError(f"--{name}: expected true or false, got '{text}'")
    return text == "true"
