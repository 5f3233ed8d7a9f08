"""Convolutions by `torch.fft`, on any device: some channels of a run of equal lengths at a time.

Channels are worked on a few at a time, so that what lies between the transforms stays in the cache.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from geometric_hyena.operators import combine
from geometric_hyena.operators.convolution_request import Gradients, Parts, Request
from geometric_hyena.operators.fft import fft_length
from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.segments import Run
from geometric_hyena.operators.workspace import scratch

# Numbers of one input component that are transformed at a time: on a CPU what stays in the cache, on a GPU,
# which would drown in small launches, far more.
CHUNK_ELEMENTS = 1 << 16
_GPU_CHUNK_ELEMENTS = 1 << 26


def forward(out: Parts, q: Parts, k: Parts, request: Request, keep: bool) -> list[Tensor]:
    """Write the convolution into `out`, which may be `q`; the spectra of q and k if they are to be kept."""
    kept = []
    for run, s, chunk in _chunks(request, q[0]):
        q_hat, k_hat = _analyse(q, run, chunk), _analyse(k, run, chunk)
        w = None if request.weights is None else request.weights[:, chunk]
        _synthesise(out, combine.forward(request.product, q_hat, k_hat, w), run, chunk, s)
        if keep:
            kept += [q_hat, k_hat]
    return kept


def backward(
    grads: Parts, q: Parts, k: Parts, kept: list[Tensor], request: Request, wanted: Gradients
) -> None:
    """Write the gradients that are wanted, with the spectra of q and k as `kept`, or computed again."""
    spectra, product = iter(kept), request.product
    if wanted.weights is not None:
        wanted.weights.zero_()
    for run, s, chunk in _chunks(request, grads[0]):
        if kept:
            q_hat, k_hat = next(spectra), next(spectra)
        else:
            q_hat, k_hat = _analyse(q, run, chunk), _analyse(k, run, chunk)
        # The adjoint of folding is periodic extension; of the means' constant, the mean itself.
        g_hat = _analyse(grads, run, chunk, periodic=True)
        w = None if request.weights is None else request.weights[:, chunk]
        if wanted.weights is not None:
            wanted.weights[:, chunk] += _weight_gradient(product, q_hat, k_hat, g_hat, run, s)
        for target, adjoint, other in (
            (wanted.q, product.query_adjoint, k_hat),
            (wanted.k, product.key_adjoint, q_hat),
        ):
            if target is not None:
                spectrum = combine.forward(adjoint, g_hat, other, w, conjugate=True)
                _synthesise(target, spectrum, run, chunk, s, fold=False)


def _chunks(request: Request, like: Tensor) -> Iterator[tuple[Run, float, slice]]:
    channels = like.shape[1]
    elements = _GPU_CHUNK_ELEMENTS if like.is_cuda else CHUNK_ELEMENTS
    for run, s in zip(request.runs, request.scales, strict=True):
        step = max(1, elements // (run.count * fft_length(run.length)))
        for start in range(0, channels, step):
            yield run, s, slice(start, min(start + step, channels))


def _analyse(parts: Parts, run: Run, chunk: slice, periodic: bool = False) -> Tensor:
    """Spectrum (P, c, B, L/2 + 1) of one run of sequences, for some channels; the first bin is the mean.

    `periodic` continues the sequence circularly where it is transformed at a length greater than its own,
    instead of filling with zeros.
    """
    length, transform = run.length, fft_length(run.length)
    blocks = [x[:, chunk, run.start : run.stop].unflatten(-1, (run.count, length)) for x in parts]
    size = sum(len(block) for block in blocks)
    lead, dtype, device = (size, *blocks[0].shape[1:-1]), blocks[0].dtype, blocks[0].device
    padded = scratch("padded", (*lead, transform), dtype, device)
    mean = scratch("mean", (*lead, 1), dtype, device)
    first = 0
    for block in blocks:
        rows = slice(first, first + len(block))
        torch.mean(block, dim=-1, keepdim=True, out=mean[rows])
        torch.sub(block, mean[rows], out=padded[rows, ..., :length])
        first += len(block)
    if transform > length:
        wrapped = length - 1 if periodic else 0
        padded[..., length : length + wrapped] = padded[..., :wrapped]
        padded[..., length + wrapped :] = 0
    spectrum = torch.fft.rfft(padded)
    spectrum[..., :1] = mean
    return spectrum


def _synthesise(parts: Parts, spectrum: Tensor, run: Run, chunk: slice, s: float, fold: bool = True) -> None:
    """Write some channels of a run: inverse transform, fold, the means' constant, the scale s."""
    length, transform = run.length, fft_length(run.length)
    constant = spectrum[..., :1].real * (s * length)
    spectrum[..., 0] = 0
    signal = torch.fft.irfft(spectrum, n=transform)
    first = 0
    for part in parts:
        rows = slice(first, first + len(part))
        first += len(part)
        target = part[:, chunk, run.start : run.stop].unflatten(-1, (run.count, length))
        torch.add(constant[rows], signal[rows, ..., :length], alpha=s, out=target)
        if fold and transform > length:
            target[..., : length - 1].add_(signal[rows, ..., length : 2 * length - 1], alpha=s)


def _weight_gradient(product: BilinearProduct, q: Tensor, k: Tensor, g: Tensor, run: Run, s: float) -> Tensor:
    """sum_i g_i . du_i/dw, (weight_count, c), by Parseval's theorem, without transforming back.

    A real transform keeps half the spectrum: every bin but the first and the last (lengths are even) counts
    for itself and for its mirror image. The first is the means' and counts N^2 times the length.
    """
    length, transform = run.length, fft_length(run.length)
    sums = combine.term_sums(product, q, k, g, first=float(transform) * length**2, half=transform % 2 == 0)
    return sums * (s / transform)
