"""Circular convolution of packed sequences under any bilinear product, by FFT, with its own gradient.

Layout: components first, tokens last and contiguous, `(P, C, T)`, so that every FFT runs along contiguous
memory. Each sequence is convolved at its own length (see `fft`), so neither padding nor batch mates matter.

The sequence's mean is taken out of both inputs before the transform. Circular convolution is bilinear and
the fluctuations sum to zero, so the means' contribution is one constant, N * mean(q) * mean(k), added
exactly at the end; through the FFT a large mean would drown the fluctuation in rounding error.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from geometric_hyena.operators.fft import fft_length
from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.segments import Run

NORMS = ("length", "sqrt_length", "none")


def scale(norm: str, length: int) -> float:
    """The factor s of a convolution over `length` tokens: 1, 1/sqrt(N) or 1/N."""
    return {"none": 1.0, "sqrt_length": length**-0.5, "length": 1.0 / length}[norm]


def bilinear_convolution(
    q: Tensor, k: Tensor, weights: Tensor | None, product: BilinearProduct, runs: list[Run], norm: str
) -> Tensor:
    """u_i = s sum_j q_j * k_((i-j) mod N) for every sequence of packed tokens.

    Args:
        q: (query_size, C, T) float32 or float64, tokens last.
        k: (key_size, C, T).
        weights: (weight_count, C), or None for a product without weights.
        product: the product `*`.
        runs: where the sequences lie.
        norm: "length", "sqrt_length" or "none".

    Returns:
        (out_size, C, T).
    """
    return _BilinearConvolution.apply(q, k, weights, product, runs, norm)


class _BilinearConvolution(torch.autograd.Function):
    """Saves the spectra: they cost as many bytes as the inputs and spare the backward eight of its FFTs."""

    @staticmethod
    def forward(ctx, q, k, weights, product, runs, norm):
        out = q.new_empty(product.out_size, *q.shape[1:])
        saved = []
        for run in runs:
            q_mean, q_spectrum = _analyse(q, run)
            k_mean, k_spectrum = _analyse(k, run)
            spectrum = _combine(q_spectrum, k_spectrum, weights, product)
            mean = _combine(q_mean, k_mean, weights, product) * run.length
            _synthesise(out, spectrum, mean, run, scale(norm, run.length))
            saved += [q_mean, q_spectrum, k_mean, k_spectrum]
        ctx.save_for_backward(weights, *saved)
        ctx.product, ctx.runs, ctx.norm = product, runs, norm
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        weights, *saved = ctx.saved_tensors
        product, needs = ctx.product, ctx.needs_input_grad
        grad = grad.contiguous()
        channels, tokens = grad.shape[1:]
        q_grad = grad.new_empty(product.query_size, channels, tokens) if needs[0] else None
        k_grad = grad.new_empty(product.key_size, channels, tokens) if needs[1] else None
        w_grad = torch.zeros_like(weights) if needs[2] else None
        for number, run in enumerate(ctx.runs):
            q_mean, q_spectrum, k_mean, k_spectrum = saved[4 * number : 4 * number + 4]
            s = scale(ctx.norm, run.length)
            # The adjoint of folding is periodic extension; of the mean's constant, the mean itself.
            g_mean, g_spectrum = _analyse(grad, run, periodic=True)
            if q_grad is not None:
                spectrum = _combine(g_spectrum, k_spectrum.conj(), weights, product.query_adjoint)
                mean = _combine(g_mean, k_mean, weights, product.query_adjoint) * run.length
                _synthesise(q_grad, spectrum, mean, run, s, fold=False)
            if k_grad is not None:
                spectrum = _combine(g_spectrum, q_spectrum.conj(), weights, product.key_adjoint)
                mean = _combine(g_mean, q_mean, weights, product.key_adjoint) * run.length
                _synthesise(k_grad, spectrum, mean, run, s, fold=False)
            if w_grad is not None:
                _add_weight_gradient(w_grad, q_spectrum, k_spectrum, g_spectrum, product, run, s)
                means = (_term_sums(product, q_mean, k_mean, g_mean)).sum(dim=(-2, -1))
                w_grad += means * (run.length**2 * s)
        return q_grad, k_grad, w_grad, None, None, None


def _analyse(x: Tensor, run: Run, periodic: bool = False) -> tuple[Tensor, Tensor]:
    """Mean (P, C, B, 1) and spectrum of the fluctuation (P, C, B, L/2 + 1) of one run of sequences.

    `periodic` continues the sequence circularly where it is transformed at a length greater than its own,
    instead of filling with zeros.
    """
    block = x[..., run.start : run.stop].unflatten(-1, (run.count, run.length))
    mean = block.mean(dim=-1, keepdim=True)
    fluctuation = block - mean
    transform = fft_length(run.length)
    if periodic and transform > run.length:
        extended = fluctuation.new_zeros(*fluctuation.shape[:-1], transform)
        extended[..., : run.length] = fluctuation
        extended[..., run.length : 2 * run.length - 1] = fluctuation[..., : run.length - 1]
        fluctuation = extended
    return mean, torch.fft.rfft(fluctuation, n=transform)


def _synthesise(out: Tensor, spectrum: Tensor, mean: Tensor, run: Run, s: float, fold: bool = True) -> None:
    """Write the run's convolution into `out`: inverse transform, fold, the means' constant, the scale."""
    transform = fft_length(run.length)
    signal = torch.fft.irfft(spectrum, n=transform)
    target = out[..., run.start : run.stop].unflatten(-1, (run.count, run.length))
    torch.add(signal[..., : run.length], mean, out=target)
    if fold and transform > run.length:
        target[..., : run.length - 1] += signal[..., run.length : 2 * run.length - 1]
    if s != 1.0:
        target *= s


def _coefficient(weights: Tensor | None, term_weight: int, sign: float) -> Tensor | float:
    """A term's factor: its sign, times its weight per channel shaped to broadcast over (C, B, L)."""
    return sign if weights is None else weights[term_weight][:, None, None] * sign


def _accumulate(out: Tensor, filled: set[int], at: int, product: Tensor) -> None:
    if at in filled:
        out[at] += product
    else:
        out[at] = product
        filled.add(at)


def _combine(q: Tensor, k: Tensor, weights: Tensor | None, product: BilinearProduct) -> Tensor:
    out = q.new_empty(product.out_size, *q.shape[1:])
    filled: set[int] = set()
    for term in product.terms:
        value = q[term.query] * k[term.key]
        value *= _coefficient(weights, term.weight, term.sign)
        _accumulate(out, filled, term.out, value)
    return out


def _term_sums(product: BilinearProduct, q: Tensor, k: Tensor, g: Tensor) -> Tensor:
    """Per weight, the sum over its terms of sign * Re(q k conj(g)); (weight_count, C, B, L)."""
    real = g.real if g.is_complex() else g
    sums = real.new_zeros(product.weight_count, *g.shape[1:])
    for term in product.terms:
        value = q[term.query] * k[term.key] * g[term.out].conj()
        sums[term.weight] += (value.real if value.is_complex() else value) * term.sign
    return sums


def _add_weight_gradient(
    w_grad: Tensor, q: Tensor, k: Tensor, g: Tensor, product: BilinearProduct, run: Run, s: float
) -> None:
    """Add sum_i g_i . du_i/dw by Parseval's theorem, without transforming back.

    A real transform keeps half the spectrum: every bin but the first and, at even lengths, the last counts
    for itself and for its mirror image.
    """
    transform = fft_length(run.length)
    sums = _term_sums(product, q, k, g)
    total = 2 * sums.sum(dim=-1) - sums[..., 0]
    if transform % 2 == 0:
        total -= sums[..., -1]
    w_grad += total.sum(dim=-1) * (s / transform)
