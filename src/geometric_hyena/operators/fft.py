"""Which FFT length a circular convolution of a given length uses.

A circular convolution of length N can run as FFTs of length N itself, or as a *linear* convolution at a fast
length L >= 2N - 1 that is folded back: u[i] += u[i + N]. The first is cheaper where the library has a fast
path for N; odd, prime and awkward N cost several times more per element, and the second wins.
"""

from functools import lru_cache

_SMALL_PRIMES = (2, 3, 5, 7, 11, 13)
_FAST_COFACTORS = (1, 3, 5, 9, 15)


def is_fast_length(length: int) -> bool:
    """Whether a real FFT of this length takes the library's fast path: 13-smooth and divisible by 4."""
    if length % 4:
        return length == 1 or length == 2
    for prime in _SMALL_PRIMES:
        while length % prime == 0:
            length //= prime
    return length == 1


@lru_cache(maxsize=4096)
def fft_length(length: int) -> int:
    """FFT length for a circular convolution of `length` tokens: `length` itself, or one to fold back from."""
    if is_fast_length(length):
        return length
    least = 2 * length - 1
    return min(_next_fast_multiple(least, cofactor) for cofactor in _FAST_COFACTORS)


def _next_fast_multiple(least: int, cofactor: int) -> int:
    """Smallest `cofactor * 2^a >= least`, with a at least 2 so that the length stays divisible by 4."""
    power = max(2, (-(-least // cofactor) - 1).bit_length())
    return cofactor << power
