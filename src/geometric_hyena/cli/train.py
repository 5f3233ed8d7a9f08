"""`ghyena train RECIPE` and `ghyena train --resume RUN`."""

from functools import partial

from geometric_hyena.cli.table import metrics_table
from geometric_hyena.cli.words import take_flag
from geometric_hyena.errors import GHyenaError, InputError, MissingDependencyError
from geometric_hyena.provenance import command_line

_USAGE = """usage: ghyena train RECIPE [--OPTION VALUE ...]
       ghyena train --resume RUN

recipes:
{recipes}

  --resume RUN   go on with an interrupted run
  --force        go on though a model with N x N tables is predicted to take more memory than there is
  --help         after a recipe: its options
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    try:
        from geometric_hyena.training import ranks, recipes, train
        from geometric_hyena.training.config_parser import ConfigParser
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "lightning", "train", "training") from None

    if not words or words[0] in ("-h", "--help"):
        rows = "\n".join(f"  {r.name:12}  {r.summary}" for r in recipes.RECIPES.values())
        print(_USAGE.format(recipes=rows), end="")
        return 0 if words else 2
    force, words = take_flag(words, "force")
    if not words:
        raise InputError("--force: expected a recipe before it; see ghyena train --help")
    if words[0].startswith("--resume="):
        words = ["--resume", words[0].partition("=")[2], *words[1:]]
    if words[0] == "--resume":
        if len(words) != 2:
            raise InputError("--resume: expected one run directory; other options come from its config.yaml")
        start = partial(train.resume, words[1], force=force)
    else:
        recipe = recipes.find_recipe(words[0])
        parser = ConfigParser(recipe.config_class(), f"ghyena train {recipe.name}", recipe.name)
        if any(word in ("-h", "--help", "--help-all") for word in words):
            print(parser.help_text(everything="--help-all" in words))
            return 0
        start = partial(train.train, recipe, parser.read(words[1:]), command_line(), force=force)
    try:
        directory, evaluation = start()
    except GHyenaError as error:
        if ranks.is_first() or isinstance(error, ranks.LostProcessError):
            raise
        return 0  # the first of several processes says what is wrong, and fails
    if not ranks.is_first():
        return 0
    print(metrics_table(evaluation.metrics["test"], evaluation.reference))
    print(evaluation.headline())
    print(f"run: {directory.path}   look at: {directory.report}")
    return 0
