"""Pair probabilities kept on disk: all runs of a table fold the same molecules, some where ViennaRNA is not.

ViennaRNA gives only pairs above a small probability, so that what is kept is short.
"""

import hashlib
import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from geometric_hyena.data.download import cache_directory
from geometric_hyena.data.kept_arrays import read_kept, write_kept
from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.folding import pair_probabilities, vienna_version

_FOLDER = "pair_probabilities"


def keep_pair_probabilities(sequences: Iterable[str]) -> None:
    """Fold sequences that have not been, and keep their pair probabilities.

    Raises:
        InputError: as `pair_probabilities`, or where the cache cannot be written.
        MissingDependencyError: where one has to be folded and ViennaRNA is not installed.
    """
    missing = [sequence for sequence in dict.fromkeys(sequences) if _kept(sequence) is None]
    for sequence in tracked(missing, len(missing), "folding"):
        upper = np.triu(pair_probabilities(sequence))
        rows, columns = np.nonzero(upper)
        arrays = {"rows": rows, "columns": columns, "values": upper[rows, columns]}
        write_kept(_path(sequence), {**arrays, "viennarna": np.array(vienna_version())})


def kept_pair_probabilities(sequence: str) -> np.ndarray:
    """Those of `pair_probabilities`, (N, N) float32, read where they are kept.

    Raises:
        InputError: as `pair_probabilities`.
        MissingDependencyError: where they are not kept and ViennaRNA is not installed.
    """
    kept = _kept(sequence)
    if kept is None:
        return pair_probabilities(sequence)
    full = np.zeros((len(sequence), len(sequence)), np.float32)
    full[kept["rows"], kept["columns"]] = kept["values"]
    return full + np.triu(full, 1).T


def _kept(sequence: str) -> dict[str, np.ndarray] | None:
    """What is kept of a sequence, unless another ViennaRNA than the one installed made it."""
    kept = read_kept(_path(sequence))
    if kept is None or find_spec("RNA") is None:
        return kept
    return kept if str(kept["viennarna"]) == vienna_version() else None


def _path(sequence: str) -> Path:
    key = hashlib.sha256(json.dumps([1, sequence]).encode()).hexdigest()[:32]
    return cache_directory() / _FOLDER / f"{key}.npz"


def is_kept_anywhere() -> bool:
    """Whether any pair probabilities are kept."""
    return any((cache_directory() / _FOLDER).glob("*.npz"))
