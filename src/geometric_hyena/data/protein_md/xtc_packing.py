"""Whether the packed coordinates of an XTC frame are whole, before MDAnalysis' decoder unpacks them.

The decoder trusts what it reads: a flipped bit lets it write behind its memory, or divide by zero. What it
does depends on a few bits in each group of atoms alone, which are followed here; coordinates are not decoded.

A group is one atom in a box-wide code of fixed width, a flag, behind a set flag five bits that say how many
atoms follow (else as many as before) and whether their code becomes wider or narrower, and those atoms, as
small differences.
"""

from typing import NamedTuple

_PLAIN = 1 << 24  # from this range on, x, y and z have a code each
_WIDTHS = range(9, 73)  # of the code of small differences, in bits
_FLAGS = 6  # bits: the flag, and the five that may be behind it
_BROKEN = 1 << 62  # atoms that no frame has


class Packing(NamedTuple):
    """What stands before the packed bytes of a frame.

    Attributes:
        lowest, highest: of the whole numbers that x, y and z are multiples of.
        width: bits of the first small differences.
        count: bytes that follow.
    """

    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    width: int
    count: int

    def possible(self, atoms: int) -> bool:
        """Whether so many atoms can be packed so, and the decoder's buffer has room for them."""
        ranges = [high - low for low, high in zip(self.lowest, self.highest, strict=True)]
        return (
            min(ranges) >= 0
            and max(ranges) < (1 << 31) - 1
            and self.width in _WIDTHS
            and 0 < self.count <= 12 * atoms
        )

    def holds(self, packed: bytes, atoms: int) -> bool:
        """Whether the packed bytes end where the code of so many atoms does."""
        packed += b"\0"  # flags are looked up six at a time
        wide = self._bits_of_first()
        place = done = 0
        state = _state(self.width, 0)
        try:
            while done < atoms:
                place += wide
                at = place >> 3
                flags = ((packed[at] << 8 | packed[at + 1]) >> (10 - (place & 7))) & 63
                bits, group, state = _steps[state][flags]
                place += bits
                done += group
        except IndexError:
            return False
        return done == atoms and place <= 8 * self.count

    def _bits_of_first(self) -> int:
        sizes = [high - low + 1 for low, high in zip(self.lowest, self.highest, strict=True)]
        if max(sizes) >= _PLAIN:
            return sum(size.bit_length() for size in sizes)
        return (sizes[0] * sizes[1] * sizes[2]).bit_length()


def _state(width: int, following: int) -> int:
    return width * 16 + following


class _Steps(dict[int, list[tuple[int, int, int]]]):
    """By state, then by flags: bits of flags and differences, atoms of the group, the next state."""

    def __missing__(self, state: int) -> list[tuple[int, int, int]]:
        self[state] = [_step(*divmod(state, 16), flags) for flags in range(1 << _FLAGS)]
        return self[state]


def _step(width: int, following: int, flags: int) -> tuple[int, int, int]:
    bits, change = 1, 0
    if flags >> 5:
        following, change = divmod(flags & 31, 3)
        bits, change = _FLAGS, change - 1
    if width + change not in _WIDTHS:
        return 0, _BROKEN, _state(width, following)
    return bits + following * width, 1 + following, _state(width + change, following)


_steps = _Steps()  # filled as files ask for it
