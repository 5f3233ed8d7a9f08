"""How time and memory grow with the number of tokens: fits over the measured sizes, and what follows."""

import math
from collections.abc import Sequence

import numpy as np

# Fits use sizes from here on, where costs that do not grow with N no longer show ...
FIT_FROM = 32_768
# ... or, for what does not get that far, the last few.
_LAST = 3
# What was measured says little about sizes more than so many times larger.
_FARTHEST = 128


def fitted(sizes: Sequence[int]) -> slice:
    """Which of the ascending sizes a fit uses."""
    late = sum(size >= FIT_FROM for size in sizes)
    return slice(-(late if late > 1 else _LAST), None)


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """p of value ~ N^p by least squares of the logarithms; None for fewer than two sizes."""
    part = fitted(sizes)
    return _slope(np.log(sizes[part]), np.log(values[part]))


def per_token(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """b of value ~ a + b N by least squares; None for fewer than two sizes."""
    part = fitted(sizes)
    return _slope(np.array(sizes[part], float), np.array(values[part], float))


def expected(sizes: Sequence[int], values: Sequence[float], size: int) -> float:
    """The value to expect at a larger size, growing as between the last two, but no slower than linearly."""
    return values[-1] * (size / sizes[-1]) ** _steepness(sizes, values)


def largest_within(budget: float, sizes: Sequence[int], values: Sequence[float]) -> int | None:
    """The largest size whose value stays within the budget; 0 where the smallest measured one does not.

    Interpolated between the measured sizes; above them as `expected`, and None far above them.
    """
    if budget < values[0]:
        return 0
    if budget >= values[-1]:
        times = (budget / values[-1]) ** (1 / _steepness(sizes, values))
        return int(sizes[-1] * times) if times <= _FARTHEST else None
    rising = np.maximum.accumulate(np.log(values))
    return int(math.exp(np.interp(math.log(budget), rising, np.log(sizes))))


def _steepness(sizes: Sequence[int], values: Sequence[float]) -> float:
    if len(sizes) < 2:
        return 1.0
    return max(1.0, math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2]))


def _slope(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < 2:
        return None
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())
