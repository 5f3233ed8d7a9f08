"""Small RNA trainings on hairpins of one's own, shared by tests; read only."""

import random

import numpy as np

from geometric_hyena.data.rna import build_sketches
from training.small_runs import NETWORK, ghyena

COMMON = ("--epochs", "2", "--threads", "1", "--accelerator", "cpu", "--opponents", "tables", *NETWORK)
PAIR = {"A": "U", "U": "A", "G": "C", "C": "G"}


def hairpins(count=12, seed=0) -> list[tuple[str, str, str]]:
    """(id, sequence, dot-bracket) of hairpins with different stems."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        stem = "".join(draw.choice("ACGU") for _ in range(4 + number % 3))
        closing = "".join(PAIR[letter] for letter in reversed(stem))
        tail = "A" * (number % 2)
        brackets = "(" * len(stem) + "...." + ")" * len(stem) + "." * len(tail)
        found.append((f"rna{number}", f"{stem}GAAA{closing}{tail}", brackets))
    return found


def nucleotide_table(path, molecules=None):
    """Labels per nucleotide: one large where unpaired, one noise; the last two are not measured."""
    noise = np.random.default_rng(0)
    rows = ["id,position,sequence,structure,open,noise"]
    for name, sequence, brackets in hairpins() if molecules is None else molecules:
        for i, bracket in enumerate(brackets[:-2]):
            rows.append(f"{name},{i + 1},{sequence},{brackets},{float(bracket == '.')},{noise.normal():.3f}")
    path.write_text("\n".join(rows) + "\n")
    return path


def molecule_table(path):
    """Labels per molecule: the number of nucleotides."""
    rows = [f"{name},{sequence},{brackets},{len(sequence)}" for name, sequence, brackets in hairpins()]
    path.write_text("\n".join(["id,sequence,structure,size", *rows]) + "\n")
    return path


def table_with_splits(path, columns, values):
    """Labels per molecule, with splits of its own: test, training, validation, training.

    `columns` names those of the labels, `values` has the cells of each of the four molecules in them.
    """
    splits = ("test", "train", "val", "train")
    rows = [
        ",".join([*molecule, cells, split])
        for molecule, cells, split in zip(hairpins(4), values, splits, strict=True)
    ]
    path.write_text("\n".join([f"id,sequence,structure,{columns},split", *rows]))
    return path


def build_here():
    """Build the sketches in this process: for so few, starting others takes longer."""
    names, sequences, brackets = zip(*hairpins(), strict=True)
    build_sketches(sequences, brackets, names, processes=1)


def trained(run, labels, *more):
    """A finished run of the recipe `rna`."""
    assert ghyena("train", "rna", "--labels", labels, "--out", run, *COMMON, *more) == 0
    return run
