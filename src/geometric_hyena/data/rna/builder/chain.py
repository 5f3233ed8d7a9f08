"""The atoms of a chain of nucleotides, and the distances between them that every structure keeps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from geometric_hyena.data.rna.builder.a_form import LINK, a_form_residue
from geometric_hyena.data.rna.builder.ideal_residues import ideal_residue

# Weights of kept distances: bonds, atoms two bonds apart, atoms three bonds apart in a base, which is flat,
# and in a sugar, which keeps its hands and its pucker.
_BOND, _ANGLE, _SHAPE = 1.0, 0.5, 0.3
_SUGAR = ("C1'", "C2'", "C3'", "C4'", "C5'", "O2'", "O3'", "O4'")


@dataclass(frozen=True, eq=False)
class _Template:
    """One letter's atoms in the helix, and their kept distances."""

    names: tuple[str, ...]
    elements: tuple[str, ...]
    helical: np.ndarray
    pairs: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray
    near: np.ndarray  # pairs up to three bonds apart: too close to repel one another


@cache
def template(letter: str, hydrogens: bool) -> _Template:
    """Atoms and distances of a nucleotide, with or without its hydrogens."""
    residue = ideal_residue(letter)
    count = len(residue.names) if hydrogens else residue.elements.index("H")
    bonds = residue.bonds[(residue.bonds < count).all(axis=1)]
    steps = _bonds_apart(bonds, count)
    base = np.isin(np.arange(count), residue.base)
    sugar = np.isin(residue.names[:count], (*_SUGAR, residue.glycosidic[0]))
    shape = (steps == 3) & ((base[:, None] & base) | (sugar[:, None] & sugar))
    kept = np.argwhere(np.triu((steps == 1) | (steps == 2) | shape, 1))
    helical = a_form_residue(letter)[:count]
    distance = np.linalg.norm(helical[kept[:, 0]] - helical[kept[:, 1]], axis=1)
    weights = np.array([0.0, _BOND, _ANGLE, _SHAPE])[steps[kept[:, 0], kept[:, 1]]]
    return _Template(
        residue.names[:count],
        residue.elements[:count],
        helical,
        kept,
        distance,
        weights,
        np.argwhere(np.triu((steps >= 1) & (steps <= 3), 1)),
    )


def _bonds_apart(bonds: np.ndarray, count: int) -> np.ndarray:
    """Number of bonds between atoms, up to three; 0 for an atom itself and for those further away."""
    bonded = np.eye(count, dtype=int)
    bonded[bonds[:, 0], bonds[:, 1]] = bonded[bonds[:, 1], bonds[:, 0]] = 1
    reached, steps = np.eye(count, dtype=int), np.zeros((count, count), dtype=int)
    for step in (1, 2, 3):
        further = (reached @ bonded > 0).astype(int)
        steps[(further > 0) & (reached == 0)] = step
        reached = further
    return steps


class Chain:
    """The atoms of a sequence in order; arrays over A atoms, N residues.

    Attributes:
        sequence: its letters.
        starts: (N + 1,) first atom of every residue, and A.
        residue: (A,) residue of every atom.
        names, elements: (A,) of the atoms.
        pairs, lengths, weights: distances that every structure keeps, (R, 2), (R,) angstrom, (R,).
        near: (M, 2) pairs up to three bonds apart.
        helical: (A, 3) every residue as residue 0 of strand 0 of a helix, in the helix frame.
    """

    def __init__(self, sequence: str, hydrogens: bool = False):
        self.sequence, self.hydrogens = sequence, hydrogens
        parts = [template(letter, hydrogens) for letter in sequence]
        self.starts = np.concatenate([[0], np.cumsum([len(part.names) for part in parts])])
        self.residue = np.repeat(np.arange(len(sequence)), np.diff(self.starts))
        self.names = np.array([name for part in parts for name in part.names])
        self.elements = np.array([element for part in parts for element in part.elements])
        first = self.starts[:-1]
        links = [(self.atoms(a)[:-1], self.atoms(b)[1:], length) for a, b, length in LINK]
        link_pairs = np.concatenate([np.stack([a, b], axis=1) for a, b, _ in links])
        count = len(sequence) - 1
        self.pairs = np.concatenate(
            [part.pairs + s for part, s in zip(parts, first, strict=True)] + [link_pairs]
        )
        self.lengths = np.concatenate(
            [part.lengths for part in parts] + [np.repeat([length for *_, length in LINK], count)]
        )
        self.weights = np.concatenate(
            [part.weights for part in parts] + [np.repeat([_BOND] + [_ANGLE] * (len(LINK) - 1), count)]
        )
        self.helical = np.concatenate([part.helical for part in parts])
        across = [("O3'", "C5'"), ("C3'", "O5'"), ("C3'", "OP1"), ("C3'", "OP2"), ("C4'", "P"), ("C2'", "P")]
        beyond = [np.stack([self.atoms(a)[:-1], self.atoms(b)[1:]], axis=1) for a, b in across]
        self.near = np.concatenate(
            [part.near + s for part, s in zip(parts, first, strict=True)] + [link_pairs, *beyond]
        )

    def atoms(self, name: str) -> np.ndarray:
        """The atom of that name in every residue, (N,)."""
        return self._places(lambda letter: name)

    def glycosidic(self) -> np.ndarray:
        """The atom of the base bonded to C1', N9 or N1, in every residue, (N,)."""
        return self._places(lambda letter: ideal_residue(letter).glycosidic[0])

    def base_tips(self) -> np.ndarray:
        """The atom of the base that faces its partner, N1 of purines and N3 of pyrimidines, (N,)."""
        return self._places(lambda letter: "N1" if letter in "AG" else "N3")

    def base_edges(self) -> np.ndarray:
        """The atom of the base on the side of the major groove, C8 of purines and C5 of pyrimidines, (N,)."""
        return self._places(lambda letter: "C8" if letter in "AG" else "C5")

    def base_middles(self) -> np.ndarray:
        """An atom near the middle of the base, C5 of purines and C2 of pyrimidines, (N,)."""
        return self._places(lambda letter: "C5" if letter in "AG" else "C2")

    def keys(self, pairs: np.ndarray) -> np.ndarray:
        """One number per unordered pair of atoms, (P, 2) -> (P,)."""
        return pairs.min(axis=1) * len(self.residue) + pairs.max(axis=1)

    def _places(self, name: Callable[[str], str]) -> np.ndarray:
        """The atom that a function of the letter names, in every residue, (N,)."""
        place = {x: template(x, self.hydrogens).names.index(name(x)) for x in set(self.sequence)}
        return self.starts[:-1] + [place[letter] for letter in self.sequence]
