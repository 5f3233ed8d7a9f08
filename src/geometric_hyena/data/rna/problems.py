"""Bad rows of a file: all of them told at once, or left out and listed."""

from collections import Counter
from dataclasses import dataclass, field

from geometric_hyena.data.rna.folding import LONGEST_FOLDED
from geometric_hyena.data.rna.secondary_structure import structure_problems
from geometric_hyena.errors import InputError, shown

_SHOWN = 20
_LETTERS = 8  # of those that a sequence cannot have
_LONGEST = 300  # characters of a problem; cells and letters of a broken file may be any number


@dataclass
class Problems:
    """Collects what is wrong with the rows of a file.

    Args:
        skip_invalid: leave bad rows out and list them, instead of an error.
    """

    skip_invalid: bool = False
    found: list[str] = field(default_factory=list)

    def add(self, place: str, what: str) -> None:
        """Note that something is wrong at a place (file and row)."""
        self.found.append(f"{place}: {shown(what, _LONGEST)}")

    def finish(self, kept: int) -> tuple[str, ...]:
        """What was left out, a line each.

        Raises:
            InputError: listing the problems, unless they are to be skipped; and where nothing is left.
        """
        if self.found and (not self.skip_invalid or kept == 0):
            shown = self.found[:_SHOWN]
            more = [f"... and {len(self.found) - _SHOWN} more"] if len(self.found) > _SHOWN else []
            mend = (
                "nothing is left" if self.skip_invalid else "mend them, or leave them out with skip_invalid"
            )
            listed = "\n  ".join([*shown, *more])
            raise InputError(f"{len(self.found)} problems in the data; {mend}:\n  {listed}")
        return tuple(self.found)


def clean_sequence(sequence: str) -> tuple[str, bool]:
    """Capital letters with U for T, and whether there was a T."""
    capitals = sequence.strip().upper()
    return capitals.replace("T", "U"), "T" in capitals


def sequence_problems(sequence: str, structure: str | None = None) -> list[str]:
    """What is wrong with a cleaned sequence and, where given, its dot-bracket."""
    problems = []
    if not sequence:
        return ["the sequence is empty"]
    strange = Counter(letter for letter in sequence if letter not in "ACGU")
    if strange:
        first = next(i for i, letter in enumerate(sequence, 1) if letter not in "ACGU")
        letters = ", ".join(f"'{letter}'" for letter in list(strange)[:_LETTERS])
        letters += ", ..." * (len(strange) > _LETTERS)
        problems.append(f"the sequence has letters that are not A, C, G, U: {letters}, first at {first}")
    if structure is None and len(sequence) > LONGEST_FOLDED:
        problems.append(
            f"the sequence has {len(sequence)} letters, and without base pairs is folded, which ends at "
            f"{LONGEST_FOLDED}; give its base pairs, or leave it out"
        )
    if structure is not None:
        if len(structure) != len(sequence):
            problems.append(
                f"the structure has {len(structure)} characters, the sequence {len(sequence)} letters"
            )
        problems += structure_problems(structure)
    return problems
