"""`AtomTable`, what a topology says of the selected atoms, and the elements where it does not say them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometric_hyena.data.protein_md.residues import standard_residue

# Dalton; an atom within the tolerance of one of these is that element.
_MASSES = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "P": 30.974, "S": 32.06}
_MASS_TOLERANCE = 0.2
_ORGANIC = frozenset(_MASSES)


@dataclass(frozen=True, eq=False)
class AtomTable:
    """The selected atoms in the order of the topology; every array has shape (N,).

    Attributes:
        names: atom names, such as "CA".
        resnames: residue names, such as "GLY".
        resids: residue numbers.
        segids: segment names, "" where the topology has none.
        elements: element symbols in capitals; guessed where the topology has none, "X" where unknown.
        indices: places in the topology, from 0.
        chain_ids: chain names, or None where the topology has none.
        charges: partial charges in elementary charges, or None.
        masses: masses in dalton, or None.
    """

    names: np.ndarray
    resnames: np.ndarray
    resids: np.ndarray
    segids: np.ndarray
    elements: np.ndarray
    indices: np.ndarray
    chain_ids: np.ndarray | None = None
    charges: np.ndarray | None = None
    masses: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def label(self, token: int) -> str:
        """The atom at a place of this table in words: `"atom 214 (CA of GLY 55)"`, counted from 0."""
        residue = f"{self.resnames[token]} {self.resids[token]}".strip()
        return f"atom {self.indices[token]} ({self.names[token]} of {residue})"

    def chain_breaks(self) -> np.ndarray:
        """Where a chain ends, (N - 1,) bool: the segment or chain changes, or residue numbers start again."""
        breaks = (self.segids[1:] != self.segids[:-1]) | (self.resids[1:] < self.resids[:-1])
        if self.chain_ids is not None:
            breaks = breaks | (self.chain_ids[1:] != self.chain_ids[:-1])
        return np.asarray(breaks, dtype=bool)


def atom_table(group: Any) -> AtomTable:
    """The table of an MDAnalysis `AtomGroup`; of alternative locations only the first is kept."""
    if hasattr(group, "altLocs"):
        keys = zip(group.segids, group.resindices, group.names, group.altLocs, strict=True)
        seen: dict[tuple, str] = {}
        kept = [seen.setdefault(tuple(key), location) == location for *key, location in keys]
        group = group[np.array(kept)]

    def column(name: str) -> np.ndarray | None:
        return np.array(getattr(group, name)) if hasattr(group, name) else None

    def words(name: str) -> np.ndarray:
        found = column(name)
        return np.full(len(group), "", dtype=object) if found is None else found.astype(object)

    names, resnames, masses = words("names"), words("resnames"), column("masses")
    resids, chains = column("resids"), column("chainIDs")
    return AtomTable(
        names=names,
        resnames=resnames,
        resids=group.resindices + 1 if resids is None else resids,
        segids=words("segids"),
        elements=guess_elements(names, resnames, masses, column("elements")),
        indices=np.array(group.indices),
        chain_ids=chains,
        charges=column("charges"),
        masses=masses,
    )


def guess_elements(
    names: np.ndarray, resnames: np.ndarray, masses: np.ndarray | None, known: np.ndarray | None = None
) -> np.ndarray:
    """Element symbols of atoms, (N,), in capitals.

    Args:
        names: (N,) atom names.
        resnames: (N,) residue names.
        masses: (N,) in dalton, or None.
        known: (N,) symbols of the topology, "" where it has none; these are kept.
    """
    symbols = []
    for i, (name, resname) in enumerate(zip(names, resnames, strict=True)):
        symbol = str(known[i]).strip().upper() if known is not None else ""
        mass = None if masses is None else float(masses[i])
        symbols.append(symbol or guess_element(str(name), str(resname), mass))
    return np.array(symbols, dtype=object)


def guess_element(name: str, resname: str, mass: float | None = None) -> str:
    """The element of one atom from its name, residue and mass; `"X"` where they do not tell.

    In amino acids and nucleotides the first letter decides (CA is carbon there, calcium elsewhere), and
    goes before the mass, because simulations with long steps move mass from heavy atoms to hydrogens.
    """
    letters = name.strip().lstrip("0123456789'\"*").upper()
    first = "H" if letters[:1] == "D" else letters[:1]
    if standard_residue(resname) is not None:
        if letters.startswith("SE") and resname.strip().upper() == "MSE":
            return "SE"
        return first if first in _ORGANIC else "X"
    if mass is not None and mass > 0:
        near = min(_MASSES, key=lambda symbol: abs(_MASSES[symbol] - mass))
        return near if abs(_MASSES[near] - mass) <= _MASS_TOLERANCE else "X"
    # Ions are named as their residue (CA in CA, SOD in SOD, CL- in CL): their first letter says nothing.
    if letters.strip("+-") == resname.strip().upper().strip("+-"):
        return "X"
    return first if first in _ORGANIC else "X"
