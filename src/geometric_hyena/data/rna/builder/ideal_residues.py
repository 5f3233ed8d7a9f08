"""The four nucleotides with ideal bond lengths and angles, from biotite's chemical component dictionary."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from geometric_hyena.errors import MissingDependencyError

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
        MissingDependencyError: where biotite is not installed.
    """
    try:
        from biotite.structure import info
    except ImportError:
        raise MissingDependencyError("biotite", "bio", "building RNA structures") from None

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
