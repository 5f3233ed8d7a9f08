"""Tokens of a structure: all of its atoms, or three beads per nucleotide."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.torsions import dihedral
from geometric_hyena.errors import InputError

Representation = Literal["backbone", "all-atom"]
REPRESENTATIONS: tuple[Representation, ...] = ("backbone", "all-atom")


@dataclass(frozen=True, eq=False)
class Tokens:
    """Chosen atoms of a structure in order.

    Attributes:
        atoms: (T,) places among the structure's atoms, ascending by nucleotide.
        nucleotide: (T,) the nucleotide of every token.
        pairing: (N,) the token of a nucleotide from which its base pair leads (N9 or N1), -1 where missing.
    """

    atoms: np.ndarray
    nucleotide: np.ndarray
    pairing: np.ndarray


def tokens(structure: RnaStructure, representation: str, *, hydrogens: bool = False) -> Tokens:
    """The tokens of a representation.

    `backbone`: P, C4' and the base's N9 or N1, the three beads of gRNAde; `all-atom`: every atom, hydrogens
    where asked for. What is missing in the structure has no token.

    Raises:
        InputError: for another representation.
    """
    if representation not in REPRESENTATIONS:
        raise InputError(f"representation: expected {' or '.join(REPRESENTATIONS)}, got '{representation}'")
    nitrogen = structure.glycosidic_nitrogens()
    if representation == "backbone":
        beads = np.stack([structure.atoms("P"), structure.atoms("C4'"), nitrogen], axis=1).ravel()
        chosen = beads[beads >= 0]
    else:
        chosen = np.flatnonzero((structure.elements != "H") | hydrogens)
    place = np.full(len(structure.names) + 1, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    return Tokens(chosen, structure.residue[chosen], place[nitrogen])


def pseudotorsions(structure: RnaStructure) -> np.ndarray:
    """eta and theta of every nucleotide (Wadley et al. 2007), (N, 2) radians, NaN where an atom is missing.

    eta = C4'(i-1), P(i), C4'(i), P(i+1); theta = P(i), C4'(i), P(i+1), C4'(i+1).
    """
    points = np.concatenate([structure.coordinates.astype(float), np.full((1, 3), np.nan)])
    p, c4 = points[structure.atoms("P")], points[structure.atoms("C4'")]
    found = np.full((len(structure), 2), np.nan)
    joined = ~structure.chain_ends()[:-1]  # nucleotide i to i + 1
    inner = np.flatnonzero(joined[:-1] & joined[1:]) + 1
    found[inner, 0] = dihedral(c4[inner - 1], p[inner], c4[inner], p[inner + 1])
    first = np.flatnonzero(joined)
    found[first, 1] = dihedral(p[first], c4[first], p[first + 1], c4[first + 1])
    return found
