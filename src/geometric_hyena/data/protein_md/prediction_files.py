"""Predicted displacements as files: a table that names the atoms, and structures that a viewer opens."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geometric_hyena.data.protein_md.atoms import AtomTable
from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.files import replacing

COLUMNS = (
    "frame", "atom", "name", "resname", "resid", "segid",
    "x", "y", "z", "dx", "dy", "dz", "length",
)  # fmt: skip
# The PDB format has five columns for the number of an atom.
_PDB_ATOMS = 99_999


def write_table(
    path: Path, atoms: AtomTable, frames: Sequence[int], positions: np.ndarray, displacements: np.ndarray
) -> Path:
    """Write a CSV file with one row per frame and atom; positions and displacements in angstrom.

    Args:
        path: the file, replaced as a whole.
        atoms: the N atoms; their number is their place in the topology, from 0.
        frames: F frame numbers, from 0.
        positions: (F, N, 3) at the frame.
        displacements: (F, N, 3) predicted from there.
    """
    identity = list(zip(atoms.indices, atoms.names, atoms.resnames, atoms.resids, atoms.segids, strict=True))
    lengths = np.linalg.norm(displacements, axis=-1)
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, frame in enumerate(frames):
            rows = zip(identity, positions[number], displacements[number], lengths[number], strict=True)
            for who, where, move, length in rows:
                numbers = (f"{value:.4f}" for value in (*where, *move, length))
                writer.writerow((frame, *who, *numbers))
    return path


def write_structures(
    folder: Path, atoms: AtomTable, positions: np.ndarray, displacements: np.ndarray
) -> Path:
    """Write the predicted structures, one model per frame, as `predicted.pdb` (very many atoms: `.cif`).

    The B-factor holds the length of an atom's predicted displacement, angstrom, mean over the frames.

    Args:
        folder: where the file goes; it is replaced as a whole.
        atoms: the N atoms.
        positions: (F, N, 3), angstrom.
        displacements: (F, N, 3), angstrom.

    Returns:
        Path of the file.
    """
    try:
        from biotite.structure import AtomArrayStack
        from biotite.structure.io import pdb, pdbx
    except ImportError:
        raise MissingDependencyError("biotite", "bio", "writing structures") from None

    stack = AtomArrayStack(len(positions), len(atoms))
    places = positions + displacements
    stack.coord = places.astype(np.float32)
    stack.atom_name = atoms.names.astype("U6")
    stack.res_name = atoms.resnames.astype("U5")
    stack.res_id = atoms.resids.astype(int)
    stack.element = atoms.elements.astype("U2")
    stack.chain_id = chain_letters(atoms)
    stack.set_annotation("b_factor", np.linalg.norm(displacements, axis=-1).mean(axis=0))
    fits = _fits_pdb(atoms, places)
    path, other = (folder / f"predicted.{suffix}" for suffix in (("pdb", "cif") if fits else ("cif", "pdb")))
    if fits:
        file = pdb.PDBFile()
        file.set_structure(stack)
    else:
        file = pdbx.CIFFile()
        pdbx.set_structure(file, stack)  # with the B factors
    with replacing(path) as partial, open(partial, "w") as handle:
        file.write(handle)
    other.unlink(missing_ok=True)  # of an earlier prediction
    return path


def _fits_pdb(atoms: AtomTable, places: np.ndarray) -> bool:
    """Whether the columns of a PDB file hold numbers, names and coordinates (angstrom) of these atoms."""
    return bool(
        len(atoms) <= _PDB_ATOMS
        and atoms.resids.astype(int).max() <= 9999
        and all(len(str(name)) <= 4 for name in set(atoms.names.tolist()))
        and all(len(str(name)) <= 3 for name in set(atoms.resnames.tolist()))
        and places.min() > -999
        and places.max() < 9999
    )


def chain_letters(atoms: AtomTable) -> np.ndarray:
    """One letter per chain or, where the topology has none, per segment, (N,)."""
    names = atoms.segids if atoms.chain_ids is None else atoms.chain_ids
    if all(len(str(name)) == 1 for name in set(names.tolist())):
        return names.astype("U1")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    order = {name: letters[i % len(letters)] for i, name in enumerate(dict.fromkeys(names.tolist()))}
    return np.array([order[name] for name in names.tolist()], dtype="U1")
