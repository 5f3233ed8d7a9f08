"""`ghyena publish RUN --out FOLDER`: a trained run's model with its card, to hand on."""

import shutil
from pathlib import Path

from geometric_hyena.cli.words import take_options, wants_help
from geometric_hyena.errors import InputError

_USAGE = """usage: ghyena publish RUN --out FOLDER [--name NAME] [--note TEXT]

Writes the model of a trained run into a folder that geometric_hyena.hub.PretrainedModel.from_pretrained and
ghyena predict read: config.json, model.safetensors, config.yaml, summary.json and a card, README.md, with
data, command and metrics of the run. Reads the run's data once more; uploads nothing.

  --out FOLDER   a new folder
  --name NAME    what the card says to load (default: the folder's name)
  --note TEXT    for the card: where the data are from, and their licence
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    if not words or wants_help(words):
        print(_USAGE, end="")
        return 0 if words else 2
    positional, options = take_options(words, ("out", "name", "note"), "publish")
    if len(positional) != 1 or "out" not in options:
        raise InputError("publish: expected one run and --out FOLDER; see ghyena publish --help")
    folder = Path(options["out"])
    if folder.exists():
        raise InputError(f"{folder}: exists already; give another folder with --out")
    from geometric_hyena.hub import from_predictor
    from geometric_hyena.training.card import card_details
    from geometric_hyena.training.run_directory import RunDirectory
    from geometric_hyena.training.trained_run import load_predictor, trained_run

    directory = RunDirectory(positional[0])
    recipe, config = trained_run(directory)
    details = card_details(directory, options.get("note", ""))
    predictor = load_predictor(recipe.task_class()(config).predictor(config), directory)
    model = from_predictor(predictor.model, predictor.readout)
    source = options.get("name", folder.name)
    model.save_pretrained(folder, model_card_kwargs={"details": details, "source": source})
    for file in (directory.config, directory.summary):
        shutil.copyfile(file, folder / file.name)
    print(f"published: {folder}   look at: {folder / 'README.md'}")
    return 0
