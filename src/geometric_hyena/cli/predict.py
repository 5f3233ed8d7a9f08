"""`ghyena predict RUN TOPOLOGY [TRAJECTORY ...]`: predictions for new files with a trained run."""

from pathlib import Path

from geometric_hyena.cli.words import take_options, wants_help
from geometric_hyena.errors import InputError

_USAGE = """usage: ghyena predict RUN TOPOLOGY [TRAJECTORY ...] [--out DIR] [--stride N]

Predict with a trained run for every frame of new files. Writes displacements.csv (one row per frame and
atom, angstrom) and predicted.pdb (one model per frame; B-factor: mean length of the displacement). A model
trained without velocities takes one structure, too:

  ghyena predict runs/demo adk.psf adk.dcd
  ghyena predict runs/still structure.cif

  --out DIR     where to write (default: predictions-NAME beside the run's files)
  --stride N    every N-th frame only (default: 1)
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    if not words or wants_help(words):
        print(_USAGE, end="")
        return 0 if words else 2
    from geometric_hyena.training.run_directory import RunDirectory
    from geometric_hyena.training.train import predict

    positional, options = take_options(words, ("out", "stride"), "predict")
    if len(positional) < 2:
        raise InputError("expected a run and at least one file; see ghyena predict --help")
    stride = options.get("stride", "1")
    if not stride.isdecimal() or int(stride) < 1:
        raise InputError(f"--stride: expected a whole number from 1 on, got '{stride}'")
    directory, files = RunDirectory(positional[0]), positional[1:]
    default = directory.path / f"predictions-{Path(files[-1]).stem}"
    for path in predict(directory, files, Path(options.get("out", default)), int(stride)):
        print(path)
    return 0
