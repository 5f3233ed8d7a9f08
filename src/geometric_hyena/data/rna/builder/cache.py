"""Sketches of many sequences, built in parallel and kept on disk by what they are made from."""

import hashlib
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from geometric_hyena.data.download import cache_directory
from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.builder.sketch import VERSION, sketch_coordinates, sketch_of
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.files import make_folder, replacing

# Starting processes takes longer than building this many.
_WORTH_PROCESSES = 8


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
        InputError: as `build_sketch`, or where the folder cannot be written.
        MissingDependencyError: where biotite is not installed.
    """
    kept = cache_directory() / "rna_sketches" if folder is None else Path(folder).expanduser()
    make_folder(kept)
    jobs = {
        kept / f"{_key(sequence, structure, hydrogens)}.npz": (sequence, structure, hydrogens)
        for sequence, structure in zip(sequences, structures, strict=True)
    }
    missing = [(path, *job) for path, job in jobs.items() if _read(path) is None]
    if processes > 1 and len(missing) >= _WORTH_PROCESSES:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            list(tracked(pool.map(_build, missing, chunksize=4), len(missing), "building sketches"))
    else:
        list(tracked(map(_build, missing), len(missing), "building sketches"))
    found = []
    for sequence, structure, name in zip(sequences, structures, names, strict=True):
        coordinates = _read(kept / f"{_key(sequence, structure, hydrogens)}.npz")
        assert coordinates is not None
        found.append(sketch_of(sequence, structure, coordinates, hydrogens, name))
    return found


def _key(sequence: str, structure: str, hydrogens: bool) -> str:
    """A hash of all that a sketch depends on."""
    return hashlib.sha256(json.dumps([VERSION, sequence, structure, hydrogens]).encode()).hexdigest()[:32]


def _build(job: tuple[Path, str, str, bool]) -> None:
    path, sequence, structure, hydrogens = job
    coordinates = sketch_coordinates(sequence, structure, hydrogens).astype(np.float32)
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez(file, coordinates=coordinates)


def _read(path: Path) -> np.ndarray | None:
    """Coordinates (A, 3) of a kept sketch; None where there is none, or a broken one."""
    try:
        with np.load(path) as file:
            return file["coordinates"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
