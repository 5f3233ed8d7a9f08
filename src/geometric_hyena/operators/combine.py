"""Combination of spectra under a bilinear product, the step between the forward and the inverse FFTs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geometric_hyena.operators import kernels
from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.threads import in_threads, share_count, shares
from geometric_hyena.operators.workspace import scratch

if TYPE_CHECKING:
    import numpy as np

# Bins that are worth a thread.
_SHARE = 1 << 14


def forward(
    product: BilinearProduct, q: Tensor, k: Tensor, weights: Tensor | None, *, conjugate: bool = False
) -> Tensor:
    """out[o] = sum over terms of sign * weight * q[a] * k[b], with k conjugated where asked.

    Args:
        product: its terms.
        q: (query_size, c, B, F), complex.
        k: (key_size, c, B, F).
        weights: (weight_count, c), or None.
        conjugate: multiply with the conjugate of `k`.

    Returns:
        (out_size, c, B, F), in scratch memory: it is valid until the next call.
    """
    backend = _backend(product, q)
    if product.geometric is not None and weights is not None and backend == "triton":
        from geometric_hyena.operators import combine_triton

        return combine_triton.geometric_product(product.geometric, q, k, weights, conjugate)
    if product.geometric is not None and weights is not None and backend == "numba":
        return _native_product(product.geometric, q, k, weights, conjugate)
    if conjugate:
        k = k.conj()
    out = scratch("combined", (product.out_size, *q.shape[1:]), q.dtype, q.device)
    filled: set[int] = set()
    for weight, terms in product.terms_by_weight():
        scaled: dict[int, Tensor] = {}
        for term in terms:
            if weights is not None and term.query not in scaled:
                scaled[term.query] = q[term.query] * weights[weight][:, None, None]
            a = q[term.query] if weights is None else scaled[term.query]
            if term.out in filled:
                out[term.out].addcmul_(a, k[term.key], value=term.sign)
            else:
                torch.mul(a, k[term.key], out=out[term.out])
                if term.sign < 0:
                    out[term.out].neg_()
                filled.add(term.out)
    return out


def term_sums(
    product: BilinearProduct, q: Tensor, k: Tensor, g: Tensor, *, first: float, half: bool
) -> Tensor:
    """Per weight and channel, the sum over its terms and all bins of sign * Re(q k conj(g)).

    Args:
        product: its terms.
        q: (query_size, c, B, F), complex.
        k: (key_size, c, B, F).
        g: (out_size, c, B, F).
        first: how much the first bin counts; those after it count twice.
        half: the last bin counts once: it is its own mirror image, as at even lengths.

    Returns:
        (weight_count, c), real.
    """
    backend = _backend(product, q)
    if backend == "triton":
        from geometric_hyena.operators import combine_triton

        return combine_triton.geometric_term_sums(q, k, g, first, half)
    if backend == "numba" and half:
        return _native_term_sums(q, k, g, first)
    sums = g.real.new_zeros(product.weight_count, q.shape[1])
    for term in product.terms:
        value = (q[term.query] * k[term.key] * g[term.out].conj()).real
        total = 2 * value[..., 1:].sum(dim=-1) + first * value[..., 0]
        if half:
            total -= value[..., -1]
        sums[term.weight] += total.sum(dim=-1) * term.sign
    return sums


def _backend(product: BilinearProduct, spectrum: Tensor) -> str | None:
    """What has compiled kernels for these spectra: for the geometric product in single precision alone."""
    if product.geometric is None or spectrum.dtype != torch.complex64:
        return None
    return kernels.native_backend(spectrum)


def _as_integers(spectrum: Tensor) -> "np.ndarray":
    """(P, c, B, F) complex64 as (P, c * B, F) unsigned 64-bit integers, in place."""
    import numpy as np

    return spectrum.contiguous().flatten(1, 2).numpy().view(np.uint64)


def _native_product(
    order: tuple[tuple[int, float], ...], q: Tensor, k: Tensor, weights: Tensor, conjugate: bool
) -> Tensor:
    import numpy as np

    from geometric_hyena.operators.combine_native import geometric_product

    plain = weights.detach().numpy()
    rows = np.repeat(np.stack([plain[index] * np.float32(sign) for index, sign in order]), q.shape[2], axis=1)
    out = scratch("combined", q.shape, q.dtype, q.device)
    _over_rows(geometric_product, q, (_as_integers(q), _as_integers(k), rows, conjugate, _as_integers(out)))
    return out


def _native_term_sums(q: Tensor, k: Tensor, g: Tensor, first: float) -> Tensor:
    from geometric_hyena.operators.combine_native import geometric_term_sums

    sums = torch.empty(5, q.shape[1] * q.shape[2], dtype=torch.float64)
    _over_rows(
        geometric_term_sums, q, (_as_integers(q), _as_integers(k), _as_integers(g), first, sums.numpy())
    )
    return sums.unflatten(1, q.shape[1:3]).sum(dim=2).to(g.real.dtype)


def _over_rows(kernel: Callable, spectrum: Tensor, arguments: tuple) -> None:
    """Run a kernel over all rows (c * B) of the spectra, in threads where there is enough to do."""
    rows = spectrum.shape[1] * spectrum.shape[2]
    parts = share_count(spectrum[0].numel(), _SHARE)
    in_threads(kernel, [(*arguments, first, last) for first, last in shares(0, rows, parts)])
