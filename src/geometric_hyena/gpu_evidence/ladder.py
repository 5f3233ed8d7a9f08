"""Which number of tokens to try next: upwards until memory or patience ends, then in between."""

from collections.abc import Mapping, Sequence

MEASURED, OUT_OF_MEMORY, TOO_LONG, FAILED = "measured", "out of memory", "too long", "failed"

# The paper compares times at 30,000 tokens and trains no longer context than 2.7 million.
SIZES = tuple(sorted([*(1 << k for k in range(10, 31)), 30_000, 2_700_000]))
# The longest context is known when what fits and what does not are nearer than this.
_NEAR = 1.1
# In between only multiples of an eighth of the power of two below: all such lengths have fast FFTs.
_PARTS = 8


def next_size(found: Mapping[int, str], sizes: Sequence[int] = SIZES, start: int = 0) -> int | None:
    """The next number of tokens for a model, None when all is known.

    Args:
        found: outcome by number of tokens, so far.
        sizes: ascending; where all fit, there is nothing more to know.
        start: the first is no smaller, unless that does not fit either.
    """
    fits = max((n for n, outcome in found.items() if outcome == MEASURED), default=0)
    full = min((n for n, outcome in found.items() if outcome == OUT_OF_MEMORY), default=None)
    if any(outcome in (TOO_LONG, FAILED) for outcome in found.values()):
        return None
    if full is None:
        return next((n for n in sizes if n > fits and n >= start), None)
    if not fits:
        return max((n for n in sizes if n < full), default=None)
    step = max(1, (1 << (full.bit_length() - 1)) // _PARTS)
    middle = (fits + full) // 2 // step * step
    if middle <= fits:
        middle += step
    return middle if middle < full and full > _NEAR * fits else None
