"""Structures in mmCIF and BinaryCIF, read by biotite."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geometric_hyena.data.protein_md.files import first_line
from geometric_hyena.errors import InputError, MissingDependencyError

SUFFIXES = (".cif", ".mmcif", ".bcif")


@dataclass(frozen=True, eq=False)
class CifStructure:
    """Atoms of an mmCIF file: `coordinates` (F, N, 3) in angstrom, a frame per model, else arrays (N,).

    Where atoms have alternative locations only the first is kept.
    """

    coordinates: np.ndarray
    names: np.ndarray
    elements: np.ndarray
    resnames: np.ndarray
    resids: np.ndarray
    icodes: np.ndarray
    chain_ids: np.ndarray


def read_mmcif(path: str) -> CifStructure:
    """Read the atoms of an mmCIF (`.cif`, `.mmcif`) or BinaryCIF (`.bcif`) file.

    Raises:
        InputError: where the file is no mmCIF file or its models differ in their atoms.
        MissingDependencyError: where biotite is not installed.
    """
    try:
        from biotite.structure.io import pdbx
    except ImportError:
        raise MissingDependencyError("biotite", "bio", "reading mmCIF files") from None

    try:
        binary = Path(path).suffix.lower() == ".bcif"
        file = pdbx.BinaryCIFFile.read(path) if binary else pdbx.CIFFile.read(path)
        models = pdbx.get_structure(file)
        coordinates = np.asarray(models.coord, dtype=np.float32)
    except Exception as error:  # a parser meets anything in a file that is not in its format
        raise InputError(
            f"{path}: cannot be read as mmCIF ({first_line(error)}); check that the file is whole"
        ) from error
    return CifStructure(
        coordinates=coordinates,
        names=np.asarray(models.atom_name, dtype=object),
        elements=np.asarray(models.element, dtype=object),
        resnames=np.asarray(models.res_name, dtype=object),
        resids=np.asarray(models.res_id),
        icodes=np.asarray(models.ins_code, dtype=object),
        chain_ids=np.asarray(models.chain_id, dtype=object),
    )
