"""Sketches of many sequences, built in parallel and kept on disk by what they are made from."""

import hashlib
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from geometric_hyena.data.download import cache_directory
from geometric_hyena.data.kept_arrays import read_all_kept, write_kept
from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.builder.sketch import VERSION, sketch_coordinates, sketch_of
from geometric_hyena.data.rna.structure import RnaStructure

# Starting processes takes longer than building this many.
_WORTH_PROCESSES = 8

_Job = tuple[Path, str, str, bool]  # where it is kept, sequence, dot-bracket, hydrogens


def build_sketches(
    sequences: Sequence[str],
    structures: Sequence[str],
    names: Sequence[str],
    *,
    hydrogens: bool = False,
    folder: str | Path | None = None,
    processes: int = 2,
) -> list[RnaStructure]:
    """Sketches of M molecules, those of the cache not built again.

    Args:
        sequences: M sequences of `ACGU`.
        structures: their dot-brackets.
        names: their names.
        hydrogens: build hydrogens, too.
        folder: where sketches are kept; None: `rna_sketches` in the cache directory.
        processes: how many build at the same time.

    Raises:
        InputError: as `build_sketch`.
        WriteError: where the folder cannot be written.
        MissingDependencyError: where biotite is not installed.
    """
    place = cache_directory() / "rna_sketches" if folder is None else Path(folder).expanduser()
    asked = list(zip(sequences, structures, strict=True))
    paths = [place / f"{_key(*pair, hydrogens)}.npz" for pair in asked]
    jobs = {path: (path, *pair, hydrogens) for path, pair in zip(paths, asked, strict=True)}
    coordinates = {path: arrays["coordinates"] for path, arrays in read_all_kept(jobs).items()}
    missing = {path: job for path, job in jobs.items() if path not in coordinates}
    coordinates |= zip(missing, _build_all(list(missing.values()), processes), strict=True)
    return [
        sketch_of(*pair, coordinates[path], hydrogens, name)
        for path, pair, name in zip(paths, asked, names, strict=True)
    ]


def _build_all(missing: Sequence[_Job], processes: int) -> list[np.ndarray]:
    if processes > 1 and len(missing) >= _WORTH_PROCESSES:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            return list(tracked(pool.map(_build, missing, chunksize=4), len(missing), "building sketches"))
    return list(tracked(map(_build, missing), len(missing), "building sketches"))


def _key(sequence: str, structure: str, hydrogens: bool) -> str:
    """A hash of all that a sketch depends on."""
    return hashlib.sha256(json.dumps([VERSION, sequence, structure, hydrogens]).encode()).hexdigest()[:32]


def _build(job: _Job) -> np.ndarray:
    path, sequence, structure, hydrogens = job
    coordinates = sketch_coordinates(sequence, structure, hydrogens).astype(np.float32)
    write_kept(path, {"coordinates": coordinates})
    return coordinates
