"""`ghyena`: one verb, one file; a user's mistake ends in one line and exit code 2."""

import sys
from importlib import import_module

from geometric_hyena.errors import GHyenaError, shown

# verb: (module, what it does)
VERBS = {
    "train": ("geometric_hyena.cli.train", "train a model by a recipe, or resume a run"),
    "evaluate": ("geometric_hyena.cli.evaluate", "metrics of a trained run beside the trivial baselines"),
    "predict": ("geometric_hyena.cli.predict", "predict for new files with a trained run"),
    "publish": ("geometric_hyena.cli.publish", "a trained run's model with its card, to hand on"),
    "reproduce": ("geometric_hyena.cli.reproduce", "a table or figure of the papers, trained and drawn"),
    "benchmark": ("geometric_hyena.cli.benchmark", "time and memory as ratios, side by side"),
    "models": ("geometric_hyena.cli.models", "list the models by name: symmetry, cost, size, source"),
    "data": ("geometric_hyena.cli.data", "download a data set, or check the files of one"),
}

_USAGE = """usage: ghyena VERB ... [--debug]

SE(3)-equivariant long-convolution networks for large ordered biomolecules.

{verbs}

A first run, a few minutes on two cores: ghyena train protein-md --out runs/demo

  --help     help, at every level      --version  version
  --debug    show the traceback of an error
"""


def main(words: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        return _dispatch(words)
    except GHyenaError as error:
        if debug:
            raise
        print(f"ghyena: {_printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interruption:
        print(f"ghyena: {str(interruption) or 'interrupted'}", file=sys.stderr)
        return getattr(interruption, "code", 130)


def _printable(text: str) -> str:
    """Text without control characters, which a file may have put into it to move a terminal's cursor."""
    return "\n".join(shown(line, len(line)) for line in text.split("\n"))


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        rows = "\n".join(f"  {verb:9}  {text}" for verb, (_, text) in VERBS.items())
        print(_USAGE.format(verbs=rows), end="")
        return 0 if words else 2
    if words[0] == "--version":
        from geometric_hyena.version import __version__

        print(f"ghyena {__version__}")
        return 0
    if words[0] not in VERBS:
        raise GHyenaError(f"there is no verb '{words[0]}'; choose one of: {', '.join(VERBS)}")
    return import_module(VERBS[words[0]][0]).run(words[1:])
