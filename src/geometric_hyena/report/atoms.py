"""Atoms of a molecule as a report needs them: names to show, residues to average over, chains to draw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geometric_hyena.errors import InputError

# One atom a residue carries the line of a chain: proteins, nucleic acids, and what is left of those.
_TRACE_NAMES = (("CA", "C4'"), ("P", "C3'", "C1'"))
# A step longer than this multiple of the median step is a gap in the chain.
_GAP = 2.5


@dataclass(frozen=True)
class Atoms:
    """Identity of N atoms (or nucleotides), in token order; all fields (N,)."""

    resids: np.ndarray
    resnames: np.ndarray
    segids: np.ndarray
    names: np.ndarray

    def __post_init__(self) -> None:
        sizes = {name: len(getattr(self, name)) for name in ("resids", "resnames", "segids", "names")}
        if len(set(sizes.values())) != 1:
            raise InputError(f"Atoms: fields differ in length: {sizes}")

    def __len__(self) -> int:
        return len(self.resids)

    def labels(self) -> list[str]:
        """A name for each atom, such as "LYS 13 CA", with the chain in front where there are several."""
        several = len(set(np.asarray(self.segids).tolist())) > 1
        rows = zip(self.segids, self.resnames, self.resids, self.names, strict=True)
        return [f"{f'{s} ' if several else ''}{resname} {resid} {name}" for s, resname, resid, name in rows]

    def residue_starts(self) -> np.ndarray:
        """Index of the first atom of each of the R residues, (R,)."""
        resids, segids, resnames = (np.asarray(a) for a in (self.resids, self.segids, self.resnames))
        change = (resids[1:] != resids[:-1]) | (segids[1:] != segids[:-1]) | (resnames[1:] != resnames[:-1])
        return np.concatenate([[0], np.flatnonzero(change) + 1]).astype(int)

    def mean_per_residue(self, values: np.ndarray) -> np.ndarray:
        """Mean of `values` (N,) over the atoms of every residue, (R,)."""
        starts = self.residue_starts()
        return np.add.reduceat(np.asarray(values, dtype=float), starts) / np.diff([*starts, len(self)])

    def traces(self, positions: np.ndarray) -> list[np.ndarray]:
        """Atom indices of the line of every unbroken stretch of chain, given `positions` (N, 3)."""
        names, segids = np.asarray(self.names), np.asarray(self.segids)
        candidates = (np.flatnonzero(np.isin(names, group)) for group in _TRACE_NAMES)
        atoms = next((found for found in candidates if len(found) > 1), np.arange(len(self)))
        steps = np.linalg.norm(np.diff(positions[atoms], axis=0), axis=1)
        same_chain = segids[atoms][1:] == segids[atoms][:-1]
        usual = np.median(steps[same_chain]) if same_chain.any() else 0.0
        breaks = np.flatnonzero(~same_chain | (steps > _GAP * usual)) + 1
        return np.split(atoms, breaks)


def residue_labels(atoms: Atoms) -> list[str]:
    """A name for each residue, such as "LYS 13"."""
    rows: Sequence[int] = atoms.residue_starts().tolist()
    return [f"{atoms.resnames[i]} {atoms.resids[i]}" for i in rows]
