"""`ghyena evaluate RUN`: metrics of a trained run beside the trivial baselines."""

from pathlib import Path

from geometric_hyena.cli.table import metrics_table
from geometric_hyena.cli.words import split_option, take_flag, wants_help
from geometric_hyena.errors import InputError
from geometric_hyena.files import write_json

_USAGE = """usage: ghyena evaluate RUN [--out FILE.json] [--force] [--data.OPTION VALUE ...]

Metrics of a trained run on its test split, beside the trivial baselines. With --data.* options (those of its
recipe: ghyena train RECIPE --help-all) on other data: another trajectory, all molecules of another file:

  ghyena evaluate runs/demo --data.topology my.psf --data.trajectory a.dcd --data.test_trajectory b.dcd
  ghyena evaluate runs/rna --data.test_path new-labels.csv

  --out FILE.json   write the metrics there, too
  --force           go on though more memory is predicted than there is
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    if not words or wants_help(words):
        print(_USAGE, end="")
        return 0 if words else 2
    from geometric_hyena.training import train
    from geometric_hyena.training.run_directory import RunDirectory

    directory = RunDirectory(words[0])
    force, rest = take_flag(words[1:], "force")
    given, rest = split_option(rest, "out")
    out = None if given is None else Path(given)
    wrong = [word for word in rest if word.startswith("--") and not word.startswith("--data.")]
    if wrong:
        raise InputError(f"{wrong[0]}: only data.* options can be changed for evaluation")
    if out is not None and not out.parent.is_dir():
        raise InputError(f"{out}: its folder does not exist; make it first")
    if out is not None and out.is_dir():
        raise InputError(f"{out}: is a directory; --out expects a file name")
    task, evaluation = train.evaluate(directory, rest, force=force)
    print(metrics_table(evaluation.metrics["test"], evaluation.reference))
    print(evaluation.headline())
    if out is not None:
        write_json(out, {**evaluation.metrics, "run": str(directory.path), "data": task.identity})
    return 0
