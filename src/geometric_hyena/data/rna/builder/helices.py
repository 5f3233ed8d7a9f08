"""Which nucleotides lie in which helix of the sketch: stems, stacked on one another where they can be.

A bulge does not break a helix, an internal loop continues it by as many mismatches as its shorter strand has
nucleotides, and at multiloops and the exterior loop two stems with nothing between them share one axis.
"""

from dataclasses import dataclass

import numpy as np

from geometric_hyena.data.rna.secondary_structure import Loop, loops

_SHORTEST_HAIRPIN = 3


@dataclass(frozen=True)
class Mouth:
    """The end of a helix that faces a loop: its pair there, `first` before `second` around the loop."""

    helix: int
    first: int
    second: int


@dataclass(frozen=True, eq=False)
class Helices:
    """Places of N nucleotides in H helices.

    Attributes:
        helix: (N,) number of the helix, -1 for nucleotides outside all of them.
        step: (N,) place along the helix, in base pairs.
        strand: (N,) 0 or 1; strand 0 runs 5' to 3' with rising step, strand 1 with falling step.
        loops: the loops, outer before inner, but without those that are wholly inside a helix.
        mouths: for each of them the ends of helices around it: the closing one first, where there is one.
    """

    helix: np.ndarray
    step: np.ndarray
    strand: np.ndarray
    loops: tuple[Loop, ...]
    mouths: tuple[tuple[Mouth, ...], ...]

    @property
    def count(self) -> int:
        """H, how many helices there are."""
        return int(self.helix.max(initial=-1)) + 1


def possible_pairs(pairs: np.ndarray) -> np.ndarray:
    """Partners (N,) without those around fewer than three nucleotides: no chain turns so sharply."""
    far = np.abs(pairs - np.arange(len(pairs))) > _SHORTEST_HAIRPIN
    return np.where(far, pairs, -1)


def assign_helices(pairs: np.ndarray) -> Helices:
    """Put every pair of nested partners (N,), -1 where unpaired, into a helix."""
    found = _Assignment(len(pairs))
    for loop in loops(pairs):
        found.add(loop)
    return Helices(
        found.helix, found.step, found.strand, tuple(loop for loop, _ in found.open), tuple(found.mouths())
    )


class _Assignment:
    def __init__(self, length: int):
        self.helix = np.full(length, -1)
        self.step = np.zeros(length, dtype=int)
        self.strand = np.zeros(length, dtype=int)
        self.count = 0
        self.open: list[tuple[Loop, bool]] = []

    def add(self, loop: Loop) -> None:
        """Place the pairs that lead out of a loop whose closing pair is placed."""
        if loop.closing is not None and len(loop.branches) == 1:
            (i, j), (k, l) = loop.closing, loop.branches[0]  # noqa: E741
            continued = min(k - i, j - l)
            for step in range(1, continued + 1):
                self._continue((i, j), (i + step, j - step) if step < continued else (k, l), step)
            if k - i != j - l:
                self.open.append((loop, True))
            return
        self._stack(loop)
        for branch in loop.branches:
            if self.helix[branch[0]] < 0:
                self._start(branch)
        self.open.append((loop, False))

    def mouths(self) -> list[tuple[Mouth, ...]]:
        found = []
        for loop, inside in self.open:
            around = (
                [] if inside else [Mouth(int(self.helix[branch[0]]), *branch) for branch in loop.branches]
            )
            if loop.closing is not None and not inside:
                i, j = loop.closing
                around.insert(0, Mouth(int(self.helix[i]), j, i))
            found.append(tuple(around))
        return found

    def _stack(self, loop: Loop) -> None:
        """Stems that follow one another around the loop without a nucleotide between share an axis."""
        ends = ([loop.closing] if loop.closing else []) + list(loop.branches)
        if len(ends) < 2:
            return
        used: set[int] = set()
        first = 0 if loop.closing else 1  # the strand after end 0
        last = len(ends) if loop.closing else len(ends) - 1
        for number in range(last):
            after = (number + 1) % len(ends)
            start, end = loop.strands[number + first]
            if start == end and number not in used and after not in used:
                used |= {number, after}
                if loop.closing and 0 in (number, after):
                    self._continue(loop.closing, ends[after or number], 1)
                else:
                    self._start(ends[number])
                    self._place(ends[after], int(self.helix[ends[number][0]]), -1, flipped=True)

    def _start(self, pair: tuple[int, int]) -> None:
        self._place(pair, self.count, 0, flipped=False)
        self.count += 1

    def _continue(self, outer: tuple[int, int], inner: tuple[int, int], steps: int) -> None:
        """Place a pair `steps` further inside the helix of an outer pair."""
        flipped = self.strand[outer[0]] == 1
        step = self.step[outer[0]] + (-steps if flipped else steps)
        self._place(inner, int(self.helix[outer[0]]), int(step), flipped=bool(flipped))

    def _place(self, pair: tuple[int, int], helix: int, step: int, *, flipped: bool) -> None:
        i, j = pair
        self.helix[[i, j]] = helix
        self.step[[i, j]] = step
        self.strand[i], self.strand[j] = int(flipped), int(not flipped)
