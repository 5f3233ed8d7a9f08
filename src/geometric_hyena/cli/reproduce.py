"""`ghyena reproduce NAME`: a table or figure of the papers, or a study of what they leave open."""

from pathlib import Path

from geometric_hyena.cli.words import take_options, wants_help
from geometric_hyena.errors import InputError, MissingDependencyError

_USAGE = """usage: ghyena reproduce NAME [--budget quick|paper] [--OPTION VALUE ...]
       ghyena reproduce NAME --from FILE.json [--out DIR]

{names}

Trains every model at every setting and seed, each in a run directory of its own, and ends in a table and a
figure: NAME.json, NAME.md, NAME.svg. A run that has ended is never run again; after an interruption the same
command goes on.

  --budget quick|paper  minutes on 2 cores (REDUCED), or as in the papers (default: quick)
  --out DIR             where runs and result are kept (default: runs/reproduce/NAME, of studies .../studies)
  --jobs N              runs at a time (default: one a core; one with a GPU)
  --models A,B          these models only
  --values A,B          these settings only
  --seeds N             number of seeds
  --epochs N            epochs of every run
  --from FILE.json      draw table and figure of a result again, beside it or into --out
"""
_OPTIONS = ("budget", "out", "jobs", "models", "values", "seeds", "epochs", "from")


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    try:
        from geometric_hyena.reproduce.registry import STUDIES, entries, find_entry
        from geometric_hyena.reproduce.run import draw_again, reproduce
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "lightning", "train", "reproducing tables") from None

    if not words or wants_help(words):
        names = "\n".join(f"  {name:18}  {entry.title}" for name, entry in entries().items())
        print(_USAGE.format(names=names), end="")
        return 0 if words else 2
    positional, options = take_options(words, _OPTIONS, "reproduce")
    if len(positional) != 1:
        raise InputError(f"expected one of: {', '.join(entries())}; got '{' '.join(positional)}'")
    name = find_entry(positional[0]).name
    out = options.get("out")
    if "from" in options:
        if others := options.keys() - {"from", "out"}:
            raise InputError(f"--{sorted(others)[0]}: nothing is run with --from; leave it out")
        print(draw_again(name, Path(options["from"]), None if out is None else Path(out)))
        return 0
    page = reproduce(
        name,
        # Studies train some configurations in common; in one folder each is run once.
        Path(out or f"runs/reproduce/{'studies' if name in STUDIES else name}"),
        options.get("budget", "quick"),
        jobs=_whole_number(options, "jobs") or 0,
        models=_list(options, "models"),
        settings=_list(options, "values"),
        seeds=_whole_number(options, "seeds"),
        epochs=_whole_number(options, "epochs"),
    )
    print(page)
    return 0


def _list(options: dict[str, str], name: str) -> list[str]:
    return [word for word in options.get(name, "").split(",") if word]


def _whole_number(options: dict[str, str], name: str) -> int | None:
    word = options.get(name)
    if word is None:
        return None
    if not word.isdecimal() or not 1 <= int(word) <= 100_000:
        raise InputError(f"--{name}: expected a whole number from 1 on, got '{word}'")
    return int(word)
