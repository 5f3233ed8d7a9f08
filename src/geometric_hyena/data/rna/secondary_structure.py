"""Secondary structure in dot-bracket notation: pairs, and the loops between them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from geometric_hyena.errors import InputError

_OPENING, _CLOSING = "([{<", ")]}>"
_SHOWN = 8  # characters that are none of these


def structure_problems(structure: str) -> list[str]:
    """What is wrong with a dot-bracket string, every character and bracket at once; places count from 1."""
    problems = []
    strange = sorted(set(structure) - set(_OPENING + _CLOSING + "."))[:_SHOWN]
    if strange:
        problems.append(
            f"structure has characters {' '.join(strange)!r}; expected . and {_OPENING}{_CLOSING}"
        )
    for opening, closing in zip(_OPENING, _CLOSING, strict=True):
        open_places: list[int] = []
        unopened = []
        for place, character in enumerate(structure, 1):
            if character == opening:
                open_places.append(place)
            elif character == closing:
                if open_places:
                    open_places.pop()
                else:
                    unopened.append(place)
        for places, bracket in ((open_places, opening), (unopened, closing)):
            if places:
                text = ", ".join(map(str, places[:5])) + (", ..." if len(places) > 5 else "")
                problems.append(f"structure: '{bracket}' without partner at {text}")
    return problems


def partners(structure: str) -> np.ndarray:
    """The place that each nucleotide pairs with, (N,) int64, -1 where it is unpaired.

    Args:
        structure: dot-bracket; `()`, and for pseudoknots `[]`, `{}`, `<>`.

    Raises:
        InputError: for brackets that do not balance and characters that are none.
    """
    problems = structure_problems(structure)
    if problems:
        raise InputError("; ".join(problems))
    found = np.full(len(structure), -1, dtype=np.int64)
    waiting: dict[str, list[int]] = {bracket: [] for bracket in _OPENING}
    for place, character in enumerate(structure):
        if character in waiting:
            waiting[character].append(place)
        elif character in _CLOSING:
            other = waiting[_OPENING[_CLOSING.index(character)]].pop()
            found[place], found[other] = other, place
    return found


def nested_partners(structure: str) -> np.ndarray:
    """`partners` without pseudoknots: of pairs that cross, those of the earlier kind of bracket stay."""
    found = partners(structure)
    order = [i for bracket in _OPENING for i, character in enumerate(structure) if character == bracket]
    return without_crossings(found, order)


def without_crossings(pairs: np.ndarray, order: Iterable[int] | None = None) -> np.ndarray:
    """Partners (N,), -1 where unpaired, without the pairs that cross one taken before.

    Args:
        pairs: (N,) symmetric partners.
        order: first nucleotides of the pairs in the order in which they are taken; None: from 5' to 3'.
    """
    kept = np.full_like(pairs, -1)
    for i in np.flatnonzero(pairs > np.arange(len(pairs))) if order is None else order:
        j = pairs[i]
        inside = kept[i + 1 : j]
        if not ((inside >= 0) & ((inside < i) | (inside > j))).any():
            kept[i], kept[j] = j, i
    return kept


def dot_bracket(pairs: np.ndarray) -> str:
    """Nested partners (N,), -1 where unpaired, as dot-bracket."""
    return "".join("." if j < 0 else "(" if j > i else ")" for i, j in enumerate(pairs))


@dataclass(frozen=True)
class Loop:
    """A loop of nested pairs.

    Attributes:
        closing: the pair (i, j) that closes it; None for the exterior loop.
        branches: the pairs (k, l) that lead out of it, from 5' to 3'.
        strands: its unpaired stretches as half-open ranges: before, between and after the branches;
            one more than branches, empty ranges where pairs follow one another.
    """

    closing: tuple[int, int] | None
    branches: tuple[tuple[int, int], ...]
    strands: tuple[tuple[int, int], ...]


def loops(pairs: np.ndarray) -> list[Loop]:
    """All loops of nested partners (N,), the exterior one first; a stacked pair of a stem counts as one."""
    found = []
    todo: list[tuple[int, int] | None] = [None]
    while todo:
        closing = todo.pop()
        place, end = (0, len(pairs)) if closing is None else (closing[0] + 1, closing[1])
        branches, strands, start = [], [], place
        while place < end:
            if pairs[place] < 0:
                place += 1
                continue
            branches.append((place, int(pairs[place])))
            strands.append((start, place))
            place = start = int(pairs[place]) + 1
        strands.append((start, end))
        found.append(Loop(closing, tuple(branches), tuple(strands)))
        todo.extend(reversed(branches))
    return found
