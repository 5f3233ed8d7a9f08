"""`RnaStructure`: the atoms of one RNA, read from a file or built."""

from dataclasses import dataclass, replace

import numpy as np

from geometric_hyena.errors import InputError


@dataclass(frozen=True, eq=False)
class RnaStructure:
    """A atoms of N nucleotides, chain after chain, each from 5' to 3'.

    Attributes:
        name: for messages and tables.
        sequence: a letter per nucleotide, `ACGU`; modified ones by their parent, `N` where it is unknown.
        coordinates: (A, 3) float32, angstrom.
        names: (A,) atom names.
        elements: (A,) element symbols in capitals.
        residue: (A,) the nucleotide of every atom, ascending.
        chains: (N,) chain names.
        numbers: (N,) residue numbers of the file.
        notes: what a reader should know: modified nucleotides, missing atoms, breaks.
        sketch: whether it was built here and not measured or predicted.
    """

    name: str
    sequence: str
    coordinates: np.ndarray
    names: np.ndarray
    elements: np.ndarray
    residue: np.ndarray
    chains: np.ndarray
    numbers: np.ndarray
    notes: tuple[str, ...] = ()
    sketch: bool = False

    def __len__(self) -> int:
        return len(self.sequence)

    def atoms(self, name: str) -> np.ndarray:
        """The atom of that name in every nucleotide, (N,) int64, -1 where it is missing."""
        found = np.full(len(self), -1, dtype=np.int64)
        places = np.flatnonzero(self.names == name)
        found[self.residue[places]] = places
        return found

    def glycosidic_nitrogens(self) -> np.ndarray:
        """N9 of purines and N1 of pyrimidines, (N,), -1 where it is missing."""
        purine = self.atoms("N9")
        return np.where(purine >= 0, purine, self.atoms("N1"))

    def chain_ends(self) -> np.ndarray:
        """Whether no bond leads from a nucleotide to the next, (N,) bool: O3' is over 2.5 angstrom from P."""
        ends = np.ones(len(self), dtype=bool)
        before, after = self.atoms("O3'")[:-1], self.atoms("P")[1:]
        known = (before >= 0) & (after >= 0)
        length = np.linalg.norm(self.coordinates[before] - self.coordinates[after], axis=1)
        # Without both atoms the numbers have to tell.
        follows = (self.chains[1:] == self.chains[:-1]) & (np.diff(self.numbers) == 1)
        ends[:-1] = np.where(known, length > 2.5, ~follows)
        return ends

    def within(self, sequence: str) -> "RnaStructure":
        """The same atoms as part of a sequence in which this structure may lack nucleotides.

        The residue numbers say which are missing; else the sequences have to be equal. Nucleotides that are
        missing have no atoms; unknown ones (`N`) take their letter from the sequence.

        Raises:
            InputError: where they do not match, with the first difference.
        """
        places = self._places_in(sequence)
        if len(sequence) == len(self):
            return replace(self, sequence=sequence)
        chains = np.full(len(sequence), self.chains[0])
        numbers = np.arange(len(sequence)) - int(places[0]) + int(self.numbers[0])
        missing = sorted(set(range(1, len(sequence) + 1)) - set((places + 1).tolist()))
        shown = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
        note = f"{len(missing)} of {len(sequence)} nucleotides without atoms: {shown}"
        residue = places[self.residue]
        return replace(
            self,
            sequence=sequence,
            residue=residue,
            chains=chains,
            numbers=numbers,
            notes=(*self.notes, note),
        )

    def _places_in(self, sequence: str) -> np.ndarray:
        letters, own = np.array(list(sequence)), np.array(list(self.sequence))
        if len(letters) == len(own):
            different = np.flatnonzero((letters != own) & (own != "N"))
            if not len(different):
                return np.arange(len(self))
            place = int(different[0])
            raise InputError(
                f"the structure {self.name} has {own[place]} at nucleotide {place + 1}, "
                f"the sequence has {letters[place]}"
            )
        span = self.numbers - self.numbers[0]
        if len(set(self.chains.tolist())) == 1 and (np.diff(span) > 0).all():
            offsets = [
                offset
                for offset in range(len(sequence) - int(span[-1]))
                if ((letters[span + offset] == own) | (own == "N")).all()
            ]
            numbered = int(self.numbers[0]) - 1  # where the first nucleotide of the sequence is number 1
            if numbered in offsets or len(offsets) == 1:
                return span + (numbered if numbered in offsets else offsets[0])
            if offsets:
                raise InputError(
                    f"the structure {self.name} fits the sequence at nucleotides "
                    f"{', '.join(str(offset + 1) for offset in offsets[:5])} alike, and its residue numbers "
                    f"start with {self.numbers[0]}; number its residues as in the sequence, from 1"
                )
        raise InputError(
            f"the structure {self.name} has {len(own)} nucleotides, the sequence {len(letters)}, and "
            f"the residue numbers do not say which are missing"
        )
