"""Circular convolution of packed sequences under any bilinear product, by FFT, with its own gradient.

Layout: components first, tokens last and contiguous, `(P, C, T)`, so that every FFT runs along contiguous
memory. Each sequence is convolved at its own length (see `fft`), so neither padding nor batch mates matter.
Channels are worked on a few at a time, so that what lies between the transforms stays in the cache.

The sequence's mean is taken out of both inputs before the transform. Circular convolution is bilinear and
the fluctuations sum to zero, so the means' contribution is one constant, N * mean(q) * mean(k), added
exactly at the end; through the FFT a large mean would drown the fluctuation in rounding error. The first bin
of a fluctuation's spectrum is zero and carries the mean instead, so that combining the spectra combines the
means as well.

The backward transforms the incoming gradient once and correlates it with the spectra of q and k. These are
kept from the forward (they cost about as many bytes as q and k, and spare eight FFTs), or, where they are
large, computed again.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from geometric_hyena.operators import combine
from geometric_hyena.operators.fft import fft_length
from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.segments import Run
from geometric_hyena.operators.workspace import scratch

NORMS = ("length", "sqrt_length", "none")

# Numbers of one input component that are transformed at a time: on a CPU what stays in the cache, on a GPU,
# which would drown in small launches, far more.
CHUNK_ELEMENTS = 1 << 16
_GPU_CHUNK_ELEMENTS = 1 << 26
# Spectra above this size are computed again in the backward instead of kept, unless they take no more than
# the inputs, which are needed otherwise.
_KEEP_BYTES = 1 << 27


def scale(norm: str, length: int) -> float:
    """The factor s of a convolution over `length` tokens: 1, 1/sqrt(N) or 1/N."""
    return {"none": 1.0, "sqrt_length": length**-0.5, "length": 1.0 / length}[norm]


def bilinear_convolution(
    q: tuple[Tensor, ...],
    k: tuple[Tensor, ...],
    weights: Tensor | None,
    product: BilinearProduct,
    runs: list[Run],
    norm: str,
    *,
    overwrite: bool = False,
) -> tuple[Tensor, ...]:
    """u_i = s sum_j q_j * k_((i-j) mod N) for every sequence of packed tokens.

    Args:
        q: components of the queries, in parts (P_1, C, T), (P_2, C, T), ...
        k: components of the keys, likewise.
        weights: (weight_count, C), or None for a product without weights.
        product: the product `*`.
        runs: where the sequences lie.
        norm: "length", "sqrt_length" or "none".
        overwrite: the result may take the place of `q` where no gradient is asked for.

    Returns:
        The components of the result, in parts (the product's `out_parts`), in the dtype of the inputs.
    """
    inputs = [*q, *k] if weights is None else [weights, *q, *k]
    if torch.is_grad_enabled() and any(x.requires_grad for x in inputs):
        return _BilinearConvolution.apply(weights, product, runs, norm, len(q), *q, *k)
    q, k = tuple(map(_tokens_contiguous, q)), tuple(map(_tokens_contiguous, k))
    in_place = overwrite and tuple(len(part) for part in q) == product.out_parts
    out = q if in_place else _empty(product, q[0])
    _forward(out, q, k, weights, product, runs, norm, keep=False)
    return out


class _BilinearConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, product, runs, norm, q_count, *inputs):
        inputs = tuple(_tokens_contiguous(x) for x in inputs)
        q, k = inputs[:q_count], inputs[q_count:]
        out = _empty(product, q[0])
        keep = _keeps_spectra(product, runs, q[0])
        kept = _forward(out, q, k, weights, product, runs, norm, keep)
        # Where the spectra are kept, of the inputs only the shapes are needed.
        ctx.save_for_backward(weights, *(kept if keep else inputs))
        ctx.shapes = [x.shape for x in inputs]
        ctx.product, ctx.runs, ctx.norm, ctx.q_count, ctx.keep = product, runs, norm, q_count, keep
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads):
        product, runs, keep = ctx.product, ctx.runs, ctx.keep
        weights, *saved = ctx.saved_tensors
        kept, inputs = iter(saved), tuple(saved)
        q, k = inputs[: ctx.q_count], inputs[ctx.q_count :]
        q_shapes, k_shapes = ctx.shapes[: ctx.q_count], ctx.shapes[ctx.q_count :]
        grads = tuple(_tokens_contiguous(grad) for grad in grads)
        needs_w, needs = ctx.needs_input_grad[0], ctx.needs_input_grad[5:]
        needs_q, needs_k = any(needs[: ctx.q_count]), any(needs[ctx.q_count :])
        q_grads = tuple(grads[0].new_empty(shape) for shape in q_shapes) if needs_q else None
        k_grads = tuple(grads[0].new_empty(shape) for shape in k_shapes) if needs_k else None
        w_grad = torch.zeros_like(weights) if needs_w else None
        for run, chunk in _chunks(runs, grads[0]):
            if keep:
                q_hat, k_hat = next(kept), next(kept)
            else:
                q_hat, k_hat = _analyse(q, run, chunk), _analyse(k, run, chunk)
            # The adjoint of folding is periodic extension; of the means' constant, the mean itself.
            g_hat = _analyse(grads, run, chunk, periodic=True)
            w = None if weights is None else weights[:, chunk]
            if w_grad is not None:
                w_grad[:, chunk] += _weight_gradient(product, q_hat, k_hat, g_hat, run, ctx.norm)
            for target, adjoint, other in (
                (q_grads, product.query_adjoint, k_hat),
                (k_grads, product.key_adjoint, q_hat),
            ):
                if target is not None:
                    spectrum = combine.forward(adjoint, g_hat, other, w, conjugate=True)
                    _synthesise(target, spectrum, run, chunk, ctx.norm, fold=False)
        return (
            w_grad,
            None,
            None,
            None,
            None,
            *(q_grads or (None,) * len(q_shapes)),
            *(k_grads or (None,) * len(k_shapes)),
        )


def _empty(product: BilinearProduct, like: Tensor) -> tuple[Tensor, ...]:
    return tuple(like.new_empty(size, *like.shape[1:]) for size in product.out_parts)


def _forward(out, q, k, weights, product, runs, norm, keep: bool) -> list[Tensor]:
    """Write the convolution into `out`, which may be `q`; the spectra of q and k if they are to be kept."""
    kept = []
    for run, chunk in _chunks(runs, q[0]):
        q_hat = _analyse(q, run, chunk)
        k_hat = _analyse(k, run, chunk)
        w = None if weights is None else weights[:, chunk]
        _synthesise(out, combine.forward(product, q_hat, k_hat, w), run, chunk, norm)
        if keep:
            kept += [q_hat, k_hat]
    return kept


def _tokens_contiguous(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def _chunks(runs: list[Run], like: Tensor) -> Iterator[tuple[Run, slice]]:
    channels = like.shape[1]
    elements = _GPU_CHUNK_ELEMENTS if like.is_cuda else CHUNK_ELEMENTS
    for run in runs:
        step = max(1, elements // (run.count * fft_length(run.length)))
        for start in range(0, channels, step):
            yield run, slice(start, min(start + step, channels))


def _keeps_spectra(product: BilinearProduct, runs: list[Run], like: Tensor) -> bool:
    """Whether the spectra wait for the backward: where they are no larger than q and k, or small."""
    transformed = sum(run.count * fft_length(run.length) for run in runs)
    size = transformed * like.shape[1] * (product.query_size + product.key_size) * like.element_size()
    return size <= _KEEP_BYTES or transformed <= 1.01 * like.shape[2]


def _analyse(parts: tuple[Tensor, ...], run: Run, chunk: slice, periodic: bool = False) -> Tensor:
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


def _synthesise(
    parts: tuple[Tensor, ...], spectrum: Tensor, run: Run, chunk: slice, norm: str, fold: bool = True
) -> None:
    """Write some channels of a run: inverse transform, fold, the means' constant, the scale s."""
    length, transform, s = run.length, fft_length(run.length), scale(norm, run.length)
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


def _weight_gradient(
    product: BilinearProduct, q: Tensor, k: Tensor, g: Tensor, run: Run, norm: str
) -> Tensor:
    """sum_i g_i . du_i/dw, (weight_count, c), by Parseval's theorem, without transforming back.

    A real transform keeps half the spectrum: every bin but the first and the last (lengths are even) counts
    for itself and for its mirror image. The first is the means' and counts N^2 times the length.
    """
    length, transform = run.length, fft_length(run.length)
    sums = combine.term_sums(product, q, k, g, first=float(transform) * length**2, half=transform % 2 == 0)
    return sums * (scale(norm, length) / transform)
