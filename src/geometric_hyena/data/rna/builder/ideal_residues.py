"""The four nucleotides with ideal bond lengths and angles, from biotite's chemical component dictionary.

Where biotite is not installed, as it kept them in the cache directory.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from geometric_hyena.data.download import cache_directory
from geometric_hyena.data.kept_arrays import read_kept, write_kept
from geometric_hyena.errors import MissingDependencyError

LETTERS = "ACGU"
# A nucleotide inside a chain has lost the third oxygen of its phosphate and the hydrogens at its ends.
_LOST = ("OP3", "HOP3", "HOP2", "HO3'")


@dataclass(frozen=True, eq=False)
class IdealResidue:
    """One nucleotide inside a chain; n atoms, hydrogens last.

    Attributes:
        names: (n,) atom names.
        elements: (n,) element symbols.
        coordinates: (n, 3) angstrom.
        bonds: (b, 2) places of bonded atoms.
    """

    names: tuple[str, ...]
    elements: tuple[str, ...]
    coordinates: np.ndarray
    bonds: np.ndarray

    def place(self, name: str) -> int:
        """The place of an atom."""
        return self.names.index(name)

    @property
    def glycosidic(self) -> tuple[str, str]:
        """The base's atom bonded to C1', and the one that defines chi with it: N9, C4 or N1, C2."""
        return ("N9", "C4") if "N9" in self.names else ("N1", "C2")

    @property
    def base(self) -> np.ndarray:
        """Places of the heavy atoms of the base: its rings and what is bonded to them."""
        heavy = [i for i, element in enumerate(self.elements) if element != "H"]
        return np.array([i for i in heavy if "'" not in self.names[i] and "P" not in self.names[i]])


@cache
def ideal_residue(letter: str) -> IdealResidue:
    """The ideal nucleotide `A`, `C`, `G` or `U`.

    Raises:
        MissingDependencyError: where biotite is not installed, and has kept none.
    """
    try:
        from biotite.structure import info
    except ImportError:
        kept = _read(letter)
        if kept is None:
            raise MissingDependencyError("biotite", "bio", "building RNA structures") from None
        return kept

    residue: Any = info.residue(letter)
    residue = residue[~np.isin(residue.atom_name, _LOST)]
    hydrogen = residue.element == "H"
    residue = residue[np.concatenate([np.flatnonzero(~hydrogen), np.flatnonzero(hydrogen)])]
    return IdealResidue(
        names=tuple(map(str, residue.atom_name)),
        elements=tuple(map(str, residue.element)),
        coordinates=np.asarray(residue.coord, dtype=float),
        bonds=np.asarray(residue.bonds.as_array()[:, :2], dtype=int),
    )


def keep_ideal_residues() -> None:
    """Keep all four in the cache directory, for a machine without biotite.

    Raises:
        InputError: where the cache cannot be written.
        MissingDependencyError: as `ideal_residue`.
    """
    for letter in LETTERS:
        if _read(letter) is None:
            found = ideal_residue(letter)
            texts = {"names": np.array(found.names), "elements": np.array(found.elements)}
            write_kept(_path(letter), {**texts, "coordinates": found.coordinates, "bonds": found.bonds})


def are_kept() -> bool:
    """Whether all four are kept."""
    return all(_path(letter).is_file() for letter in LETTERS)


def _read(letter: str) -> IdealResidue | None:
    kept = read_kept(_path(letter))
    if kept is None:
        return None
    names, elements = tuple(map(str, kept["names"])), tuple(map(str, kept["elements"]))
    return IdealResidue(names, elements, kept["coordinates"], kept["bonds"])


def _path(letter: str) -> Path:
    return cache_directory() / "ideal_residues" / f"{letter}.npz"
