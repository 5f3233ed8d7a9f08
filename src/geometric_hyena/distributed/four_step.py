"""Convolution of one sequence by an FFT over all ranks, for fewer channels than there are ranks.

With L = N1 N2, token n = N2 n1 + n2 and frequency k = k1 + N1 k2, and W = exp(-2 pi i / L)::

    X[k1 + N1 k2] = sum_n2 W^(N1 n2 k2) W^(n2 k1) sum_n1 W^(N2 n1 k1) x[N2 n1 + n2]

1. tokens to columns: each rank has all n1 for some n2; FFTs over n1, half of the spectrum as x is real;
   twiddle;
2. columns to rows: each rank has all n2 for some k1; FFTs over n2.

Spectra are combined as they lie, and the way back is the same backwards: two all-to-alls each way, and the
same memory on every rank. L is N where that is a product of two fast lengths, else at least 2 N - 1, and the
convolution is folded back (see `operators.fft`). The sequence's mean goes its own way, as in `operators`.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import isqrt

import torch
from torch import Tensor

from geometric_hyena.distributed.collectives import sum_over_ranks, there_and_back
from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.distributed.transposed import even_bounds
from geometric_hyena.operators.convolution import SequenceConvolution, scale
from geometric_hyena.operators.convolution_request import Parts
from geometric_hyena.operators.fft import is_fast_length
from geometric_hyena.operators.products import BilinearProduct

SENT = "distributed FFT for the convolution"


@lru_cache(maxsize=1024)
def matrix_shape(length: int, ranks: int) -> tuple[int, int] | None:
    """N1 and N2, both fast, for a sequence of so many tokens; None where it is too short for the ranks."""
    pairs = []
    if is_fast_length(length):
        pairs = [(n1, length // n1) for n1 in range(2, length) if length % n1 == 0 and n1 % 2 == 0]
    if not pairs:
        n1 = 1 << max(1, (isqrt(2 * length) - 1).bit_length())
        n2 = -(-(2 * length - 1) // n1)
        while not _smooth(n2):
            n2 += 1
        pairs = [(n1, n2)]
    fitting = [(n1, n2) for n1, n2 in pairs if n1 // 2 + 1 >= ranks and n2 >= ranks]
    return min(fitting, key=lambda pair: abs(pair[0] - pair[1]), default=None)


def _smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


def four_step_convolution(
    convolution: SequenceConvolution,
    q: Parts,
    k: Parts,
    weights: Tensor | None,
    tokens: Sequence[int],
    ranks: Ranks,
) -> Parts:
    """The circular convolution of one sequence, for components (P, C, m) of this rank's part of it.

    `tokens` are those of every rank; the sequence must not be too short, see `matrix_shape`.
    """
    length, product = sum(tokens), convolution.product
    shape = matrix_shape(length, ranks.size)
    assert shape is not None
    plan = _Plan(tokens, *shape, ranks)
    s = scale(convolution.norm, length)
    q_mean, k_mean = (_mean(torch.cat(parts), length, ranks) for parts in (q, k))
    q_hat = plan.analyse(torch.cat(q) - q_mean[..., None])
    k_hat = plan.analyse(torch.cat(k) - k_mean[..., None])
    u = plan.synthesise(_combined(product, q_hat, k_hat, weights))
    constant = _combined(product, q_mean, k_mean, weights)
    u = s * (u + length * constant[..., None])
    return u.split(product.out_parts)


def _mean(x: Tensor, length: int, ranks: Ranks) -> Tensor:
    return sum_over_ranks(x.sum(dim=-1), ranks, "sum over all tokens") / length


def _combined(product: BilinearProduct, q: Tensor, k: Tensor, weights: Tensor | None) -> Tensor:
    """Components (P, C, ...) of queries and keys, or of their spectra -> those of the product."""
    sums: list[Tensor] = [torch.zeros_like(q[0])] * product.out_size
    for term in product.terms:
        value = q[term.query] * k[term.key] * term.sign
        if weights is not None:
            value = value * weights[term.weight].view(-1, *[1] * (value.ndim - 1))
        sums[term.out] = sums[term.out] + value
    return torch.stack(sums)


class _Plan:
    """Which tokens, columns and rows of the N1 x N2 matrix are whose."""

    def __init__(self, tokens: Sequence[int], n1: int, n2: int, ranks: Ranks):
        self.n1, self.n2, self.ranks, self.length = n1, n2, ranks, sum(tokens)
        self.tokens = list(pairwise(accumulate(tokens, initial=0)))
        self.columns = list(pairwise(even_bounds(n2, ranks.size)))
        self.rows = list(pairwise(even_bounds(n1 // 2 + 1, ranks.size)))
        self.wraps = n1 * n2 > self.length

    def analyse(self, x: Tensor) -> Tensor:
        """Components (P, C, m) of the own tokens -> spectra (P, C, own k1, N2)."""
        components = x.shape[:2]
        order, send = self._by_column(0)
        columns = self._own(self.columns)
        receive = [self._below(b, columns) - self._below(a, columns) for a, b in self.tokens]
        flat = _exchanged(x.flatten(0, 1).T[order.to(x.device)], send, receive, self.ranks)
        width = columns[1] - columns[0]
        missing = self.n1 * width - flat.shape[0]
        matrix = torch.nn.functional.pad(flat, (0, 0, 0, missing)).unflatten(0, (self.n1, width))
        spectrum = torch.fft.rfft(matrix, dim=0) * self._twiddle(columns, matrix)
        own_rows = self._own(self.rows)
        send = [(b - a) * width for a, b in self.rows]
        receive = [(b - a) * (own_rows[1] - own_rows[0]) for a, b in self.columns]
        numbers = torch.view_as_real(spectrum).flatten(0, 1)
        parts = _exchanged(numbers, send, receive, self.ranks).split(receive)
        joined = torch.cat([part.unflatten(0, (own_rows[1] - own_rows[0], -1)) for part in parts], dim=1)
        spectrum = torch.fft.fft(torch.view_as_complex(joined), dim=1)
        return spectrum.permute(2, 0, 1).unflatten(0, components)

    def synthesise(self, spectrum: Tensor) -> Tensor:
        """The way back: (P, C, own k1, N2) -> (P, C, m), folded."""
        components = spectrum.shape[:2]
        signal = torch.fft.ifft(spectrum.flatten(0, 1).permute(1, 2, 0), dim=1)
        columns, own_rows = self._own(self.columns), self._own(self.rows)
        width, height = columns[1] - columns[0], own_rows[1] - own_rows[0]
        numbers = torch.view_as_real(signal)
        parts = [numbers[:, a:b].flatten(0, 1) for a, b in self.columns]
        send = [(b - a) * height for a, b in self.columns]
        receive = [(b - a) * width for a, b in self.rows]
        joined = _exchanged(torch.cat(parts), send, receive, self.ranks).unflatten(0, (-1, width))
        half = torch.view_as_complex(joined.contiguous())
        matrix = torch.fft.irfft(half * self._twiddle(columns, joined).conj(), n=self.n1, dim=0)
        flat = matrix.flatten(0, 1)
        u = self._to_tokens(flat, 0)
        if self.wraps:
            u = u + self._to_tokens(flat, self.length)
        return u.T.unflatten(0, components)

    def _to_tokens(self, flat: Tensor, offset: int) -> Tensor:
        """Places n of the own columns, ascending -> to the token n - offset, (m, channels)."""
        columns = self._own(self.columns)
        # Of the places beyond L - 1 there are none, nor anything in what lies between 2 N - 1 and them.
        ends = [
            tuple(self._below(min(n + offset, self.n1 * self.n2), columns) for n in own)
            for own in self.tokens
        ]
        order, receive = self._by_column(offset)
        send = [b - a for a, b in ends]
        coming = _exchanged(flat[ends[0][0] : ends[-1][1]], send, receive, self.ranks)
        start, stop = self._own(self.tokens)
        empty = coming.new_zeros(stop - start, flat.shape[1])
        return empty.index_copy(0, order.to(flat.device), coming)

    def _by_column(self, offset: int) -> tuple[Tensor, list[int]]:
        """The own tokens in the order of the ranks that have their columns, and how many each has."""
        start, stop = self._own(self.tokens)
        places = torch.arange(start + offset, min(stop + offset, max(start + offset, self.n1 * self.n2)))
        starts = torch.tensor([b for _, b in self.columns])
        owner = torch.bucketize(places % self.n2, starts, right=True)
        return torch.argsort(owner, stable=True), torch.bincount(owner, minlength=self.ranks.size).tolist()

    def _below(self, place: int, columns: tuple[int, int]) -> int:
        """How many places below this one lie in these columns."""
        whole, rest = divmod(place, self.n2)
        return whole * (columns[1] - columns[0]) + max(0, min(rest, columns[1]) - columns[0])

    def _own(self, spans: list[tuple[int, int]]) -> tuple[int, int]:
        return spans[self.ranks.rank]

    def _twiddle(self, columns: tuple[int, int], like: Tensor) -> Tensor:
        """W^(n2 k1) of all k1 and the own n2, (k1, n2, 1)."""
        k1 = torch.arange(self.n1 // 2 + 1, device=like.device)
        n2 = torch.arange(*columns, device=like.device)
        # In whole numbers and double precision: n2 k1 is large, and float32 would round its angle.
        turns = (k1[:, None] * n2).double() / (self.n1 * self.n2)
        angle = -2 * torch.pi * turns[..., None]
        return torch.polar(torch.ones_like(angle), angle).to(torch.promote_types(like.dtype, torch.complex64))


def _exchanged(rows: Tensor, send: list[int], receive: list[int], ranks: Ranks) -> Tensor:
    return there_and_back(
        rows,
        lambda rows: ranks.all_to_all(rows, send, receive, SENT),
        lambda grads: ranks.all_to_all(grads, receive, send, SENT),
    )
