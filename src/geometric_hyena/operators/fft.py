"""Which FFT length a circular convolution of a given length uses.

A circular convolution of length N can run as FFTs of length N itself, or as a *linear* convolution at a fast
length L >= 2N - 1 that is folded back: u[i] += u[i + N]. The first is cheaper where the library has a fast
path for N; odd, prime and awkward N cost several times more per element, and the second wins.
"""

from functools import lru_cache

_SMALL_PRIMES = (2, 3, 5, 7, 11, 13)

# Odd part m of a length m * 2^a: its cost per element relative to a power of two of about that length, as
# printed by `python -m geometric_hyena.benchmarks.fft_lengths` (median over lengths 1k to 64k, one thread).
_RELATIVE_COST = {
    1: 0.99, 3: 1.09, 5: 1.21, 7: 1.11, 9: 1.22, 11: 1.43, 13: 1.30, 15: 1.15,
    21: 1.26, 25: 1.12, 27: 1.13, 33: 1.29, 35: 1.22, 39: 1.36, 45: 1.28, 49: 1.12,
}  # fmt: skip


def is_fast_length(length: int) -> bool:
    """Whether a real FFT of this length takes the library's fast path: 13-smooth and divisible by 4."""
    if length % 4:
        return length in (1, 2)
    for prime in _SMALL_PRIMES:
        while length % prime == 0:
            length //= prime
    return length == 1


@lru_cache(maxsize=65536)
def fft_length(length: int) -> int:
    """FFT length for a circular convolution of `length` tokens: `length` itself, or one to fold back from."""
    if is_fast_length(length):
        return length
    least = 2 * length - 1
    return min(
        (_next_multiple(least, odd) for odd in _RELATIVE_COST),
        key=lambda candidate: candidate * _RELATIVE_COST[candidate >> _twos(candidate)],
    )


def _next_multiple(least: int, odd: int) -> int:
    """Smallest `odd * 2^a >= least`, with a at least 2."""
    power = max(2, (-(-least // odd) - 1).bit_length())
    return odd << power


def _twos(length: int) -> int:
    """How often 2 divides `length`."""
    return (length & -length).bit_length() - 1
