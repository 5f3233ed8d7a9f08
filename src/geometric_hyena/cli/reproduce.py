"""`ghyena reproduce NAME`: a table or figure of the papers, or a study of what they leave open."""

from pathlib import Path

from geometric_hyena.cli.words import comma_separated, take_options, wants_help, whole_number
from geometric_hyena.errors import InputError, MissingDependencyError

_USAGE = """usage: ghyena reproduce NAME [--budget quick|paper] [--OPTION VALUE ...]
       ghyena reproduce NAME --from FILE.json [--out DIR]

{names}
  {all:18}  tables, figures and sweeps, the cheapest runs first, and an index; no studies

Trains every model at every setting and seed, each in a run directory of its own, and ends in a table and a
figure or a page: NAME.json, NAME.md, NAME.svg or NAME.html. A run that has ended is never run again; after an
interruption the same command goes on.

  --budget quick|paper  minutes on 2 cores (REDUCED), or as in the papers (default: quick)
  --out DIR             where runs and result are kept (default: runs/reproduce/NAME, of tables .../tables, of
                        studies .../studies)
  --jobs N              runs at a time, also --processes N (default: one a core, or one a GPU)
  --models A,B          these models only
  --values A,B          these settings only; of tables these columns
  --seeds N             number of seeds
  --epochs N            epochs of every run
  --seconds N           stop after so long with what there is, short runs first; the same command goes on
  --data DIR            folder with open_vaccine/, ribonanza/, tc_ribo/ (default: $GHYENA_DATA)
  --data.NAME PATH      the file of one data set: {sources}
  --from FILE.json      draw table and figure of a result again, beside it or into --out
"""
_OPTIONS = (
    "budget",
    "out",
    "jobs",
    "processes",
    "models",
    "values",
    "seeds",
    "epochs",
    "seconds",
    "data",
    "from",
)
_ALL = "all"


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    try:
        from geometric_hyena.reproduce.everything import reproduce_all
        from geometric_hyena.reproduce.interrupt import all_like_ctrl_c
        from geometric_hyena.reproduce.plan import Choices
        from geometric_hyena.reproduce.registry import entries, find_entry, place_of
        from geometric_hyena.reproduce.run import draw_again, reproduce
        from geometric_hyena.reproduce.sources import SOURCES, Places
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "lightning", "train", "reproducing tables") from None

    if not words or wants_help(words):
        names = "\n".join(f"  {name:18}  {entry.title}" for name, entry in entries().items())
        sources = ", ".join(source.name for source in SOURCES)
        print(_USAGE.format(names=names, all=_ALL, sources=sources), end="")
        return 0 if words else 2
    located = tuple(f"data.{source.name}" for source in SOURCES)
    positional, options = take_options(words, (*_OPTIONS, *located), "reproduce")
    if len(positional) != 1:
        known = ", ".join((*entries(), _ALL))
        raise InputError(f"expected one of: {known}; got '{' '.join(positional)}'")
    name = positional[0] if positional[0] == _ALL else find_entry(positional[0]).name
    out = options.get("out")
    if "from" in options:
        if others := options.keys() - {"from", "out"}:
            raise InputError(f"--{sorted(others)[0]}: nothing is run with --from; leave it out")
        print(draw_again(name, Path(options["from"]), None if out is None else Path(out)))
        return 0
    choices = Choices(
        jobs=whole_number(options, "jobs") or whole_number(options, "processes") or 0,
        models=comma_separated(options, "models"),
        settings=comma_separated(options, "values"),
        seeds=whole_number(options, "seeds"),
        epochs=whole_number(options, "epochs"),
        seconds=whole_number(options, "seconds"),
        places=Places(options.get("data"), {key[5:]: options[key] for key in located if key in options}),
    )
    budget, everything = options.get("budget", "quick"), Path("runs/reproduce")
    # Some entries train some configurations in common; in one folder each is run once.
    with all_like_ctrl_c():
        if name == _ALL:
            page = reproduce_all(Path(out or everything), budget, choices)
        else:
            page = reproduce(name, Path(out or everything / place_of(name)), budget, choices)
    print(page)
    return 0
