"""Circular convolution of packed sequences under any bilinear product, by FFT, with its own gradient.

Layout: components first, tokens last and contiguous, `(P, C, T)`, so that every FFT runs along contiguous
memory. Each sequence is convolved at its own length (see `fft`), so neither padding nor batch mates matter.
Two engines do the same: `convolution_native` on the CPU, where it can, and `convolution_torch` elsewhere.

The sequence's mean is taken out of both inputs before the transform. Circular convolution is bilinear and
the fluctuations sum to zero, so the means' contribution is one constant, N * mean(q) * mean(k), added
exactly at the end; through the FFT a large mean would drown the fluctuation in rounding error. The first bin
of a fluctuation's spectrum is zero and carries the mean instead, so that combining the spectra combines the
means as well.

The backward transforms the incoming gradient once and correlates it with the spectra of q and k. These are
kept from the forward (they cost about as many bytes as q and k, and spare eight FFTs), or, where they are
large, computed again.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import torch
from torch import Tensor

from geometric_hyena.operators import convolution_torch, kernels
from geometric_hyena.operators.convolution_request import Gradients, Parts, Request
from geometric_hyena.operators.derivatives import differentiated, first_derivatives_only
from geometric_hyena.operators.eager import eager
from geometric_hyena.operators.fft import fft_length
from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.segments import Run, pad_sequences, unpad_sequences

NORMS = ("length", "sqrt_length", "none")

# Spectra above this size are computed again in the backward instead of kept, unless they take no more than
# the inputs, which are needed otherwise.
_KEEP_BYTES = 1 << 27


class Layout(Protocol):
    """How a caller's tokens lie; turning them here, and not before, spares autograd a few nodes for each."""

    def components_first(self, tokens: Tensor) -> Tensor:
        """The caller's tokens as (P, C, T)."""
        ...

    def tokens_first(self, components: Tensor) -> Tensor:
        """(P, C, T) as the caller's tokens."""
        ...


def scale(norm: str, length: int) -> float:
    """The factor s of a convolution over `length` tokens: 1, 1/sqrt(N) or 1/N."""
    return {"none": 1.0, "sqrt_length": length**-0.5, "length": 1.0 / length}[norm]


@eager
def bilinear_convolution(
    q: Parts,
    k: Parts,
    weights: Tensor | None,
    product: BilinearProduct,
    runs: list[Run],
    norm: str,
    *,
    layout: Layout | None = None,
    overwrite: bool = False,
) -> Parts:
    """u_i = s sum_j q_j * k_((i-j) mod N) for every sequence of packed tokens.

    Args:
        q: components of the queries, in parts (P_1, C, T), (P_2, C, T), ...
        k: components of the keys, likewise.
        weights: (weight_count, C), or None for a product without weights.
        product: the product `*`.
        runs: where the sequences lie.
        norm: "length", "sqrt_length" or "none".
        layout: of q and k, where it is not yet the one above.
        overwrite: the result may take the place of `q` where no gradient is asked for.

    Returns:
        The components of the result, in parts (the product's `out_parts`), in the dtype of the inputs.
    """
    inputs = [*q, *k] if weights is None else [weights, *q, *k]
    if differentiated(*inputs):
        return _BilinearConvolution.apply(weights, product, runs, norm, layout, len(q), *q, *k)
    q, k = _prepared(q, layout), _prepared(k, layout)
    in_place = overwrite and tuple(part.shape[0] for part in q) == product.out_parts
    out = q if in_place else _empty(product, q[0])
    request = _request(product, weights, runs, norm)
    _engine(request, q[0]).forward(out, q, k, request, False)
    return out


@dataclass(frozen=True)
class SequenceConvolution:
    """How whole sequences are convolved: by which product, at which scale, circularly or not.

    Attributes:
        product: the product `*`.
        norm: "length", "sqrt_length" or "none".
        padding: "circular", or "zero": every sequence is followed by as many zeros, so that nothing wraps.
    """

    product: BilinearProduct
    norm: str
    padding: str = "circular"

    def __call__(self, q: Parts, k: Parts, weights: Tensor | None, runs: list[Run]) -> Parts:
        """Parts of (..., T) -> parts of (..., T); without gradients the result may take the place of `q`."""
        if self.padding == "circular":
            return bilinear_convolution(q, k, weights, self.product, runs, self.norm, overwrite=True)
        doubled, q = pad_sequences(q, runs)
        _, k = pad_sequences(k, runs)
        u = bilinear_convolution(q, k, weights, self.product, doubled, self.norm, overwrite=True)
        # The padded sequences are twice as long, which is not what the scale refers to.
        longer = scale(self.norm, 1) / scale(self.norm, 2)
        return tuple(part * longer for part in unpad_sequences(u, runs))


class _BilinearConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, product, runs, norm, layout, q_count, *inputs):
        inputs = _prepared(inputs, layout)
        q, k = inputs[:q_count], inputs[q_count:]
        out = _empty(product, q[0])
        keep = _keeps_spectra(product, runs, q[0])
        request = _request(product, weights, runs, norm)
        engine = _engine(request, q[0])
        kept = engine.forward(out, q, k, request, keep)
        # Where the spectra are kept, of the inputs only the shapes are needed.
        ctx.save_for_backward(weights, *(kept if keep else inputs))
        ctx.shapes = [x.shape for x in inputs]
        # Tensors wait among those saved, where autograd notices what is written into them.
        ctx.request, ctx.q_count, ctx.keep = request._replace(weights=None), q_count, keep
        ctx.engine, ctx.layout = engine, layout
        return out

    @staticmethod
    @first_derivatives_only
    def backward(ctx, *grads):
        weights, *saved = ctx.saved_tensors
        inputs, kept = ((), saved) if ctx.keep else (tuple(saved), [])
        q, k = inputs[: ctx.q_count], inputs[ctx.q_count :]
        q_shapes, k_shapes = ctx.shapes[: ctx.q_count], ctx.shapes[ctx.q_count :]
        grads = _prepared(grads, None)
        needs_w, needs = ctx.needs_input_grad[0], ctx.needs_input_grad[6:]
        needs_q, needs_k = any(needs[: ctx.q_count]), any(needs[ctx.q_count :])
        q_grads = tuple(grads[0].new_empty(shape) for shape in q_shapes) if needs_q else None
        k_grads = tuple(grads[0].new_empty(shape) for shape in k_shapes) if needs_k else None
        w_grad = torch.empty_like(weights) if needs_w else None
        request, wanted = ctx.request._replace(weights=weights), Gradients(q_grads, k_grads, w_grad)
        ctx.engine.backward(grads, q, k, kept, request, wanted)
        if ctx.layout is not None:
            q_grads, k_grads = (
                None if found is None else tuple(map(ctx.layout.tokens_first, found))
                for found in (q_grads, k_grads)
            )
        settings = (None,) * 5
        return w_grad, *settings, *(q_grads or (None,) * len(q_shapes)), *(k_grads or (None,) * len(k_shapes))


def _empty(product: BilinearProduct, like: Tensor) -> Parts:
    return tuple(like.new_empty(size, *like.shape[1:]) for size in product.out_parts)


def _request(product: BilinearProduct, weights: Tensor | None, runs: list[Run], norm: str) -> Request:
    return Request(product, weights, runs, [scale(norm, run.length) for run in runs])


def _engine(request: Request, like: Tensor) -> ModuleType:
    """What convolves tensors like this one."""
    if kernels.native_backend(like) == "numba":
        from geometric_hyena.operators import convolution_native

        if convolution_native.serves(request):
            return convolution_native
    return convolution_torch


def _prepared(parts: Parts, layout: Layout | None) -> Parts:
    """Components first, tokens contiguous."""
    if layout is not None:
        parts = tuple(map(layout.components_first, parts))
    return tuple(x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous() for x in parts)


def _keeps_spectra(product: BilinearProduct, runs: list[Run], like: Tensor) -> bool:
    """Whether the spectra wait for the backward: where they are no larger than q and k, or small."""
    transformed = sum(run.count * fft_length(run.length) for run in runs)
    size = transformed * like.shape[1] * (product.query_size + product.key_size) * like.element_size()
    return size <= _KEEP_BYTES or transformed <= 1.01 * like.shape[2]
