"""`ghyena predict RUN FILES ...`: predictions for new files with a trained run."""

from pathlib import Path

from geometric_hyena.cli.words import take_flag, take_options, wants_help
from geometric_hyena.errors import InputError
from geometric_hyena.memory import memory_size

_USAGE = """usage: ghyena predict RUN FILES ... [--out DIR] [--stride N] [--memory SIZE] [--force]

Predict with a trained run for new files; which files, its recipe says.

protein-md: a topology and trajectories. Writes displacements.csv (one row per frame and atom, angstrom) and
predicted.pdb (one model per frame; B-factor: mean length of the displacement). A model trained without
velocities takes one structure, too.

open-vaccine, ribonanza, tc-ribo, rna: any number of structures (PDB, mmCIF, BinaryCIF) and FASTA files,
where a line of dot-bracket may follow a sequence; sequences get a sketch of a structure. Writes
nucleotides.csv, molecules.csv, and report.html with the structure coloured by the prediction.

  ghyena predict runs/demo adk.psf adk.dcd
  ghyena predict runs/still structure.cif
  ghyena predict runs/open-vaccine riboswitch.cif designs.fasta

  --out DIR     where to write (default: predictions-NAME beside the run's files)
  --stride N    every N-th frame of trajectories only (default: 1)
  --memory SIZE for molecules that do not fit: stay within so much, such as 8GiB, with the model's features on
                disk (in TMPDIR) and on the CPU; a run of geometric-hyena
  --force       go on though more memory is predicted than there is
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    if not words or wants_help(words):
        print(_USAGE, end="")
        return 0 if words else 2
    from geometric_hyena.training.run_directory import RunDirectory
    from geometric_hyena.training.train import predict

    force, words = take_flag(words, "force")
    positional, options = take_options(words, ("out", "stride", "memory"), "predict")
    if len(positional) < 2:
        raise InputError("expected a run and at least one file; see ghyena predict --help")
    stride = options.get("stride", "1")
    if not stride.isdecimal() or int(stride) < 1:
        raise InputError(f"--stride: expected a whole number from 1 on, got '{stride}'")
    directory, files = RunDirectory(positional[0]), positional[1:]
    default = directory.path / f"predictions-{Path(files[-1]).stem}"
    memory = memory_size(options["memory"], "--memory") if "memory" in options else None
    out = Path(options.get("out", default))
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; give another directory with --out")
    for path in predict(directory, files, out, int(stride), memory=memory, force=force):
        print(path)
    return 0
