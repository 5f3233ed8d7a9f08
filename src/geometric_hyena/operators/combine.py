"""Combination of spectra under a bilinear product, the step between the forward and the inverse FFTs."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geometric_hyena.operators import kernels
from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.threads import over_rows
from geometric_hyena.operators.workspace import scratch

if TYPE_CHECKING:
    import numpy as np


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
    backend = _backend(q)
    if weights is not None and backend == "triton" and product.geometric is not None:
        from geometric_hyena.operators import combine_triton

        return combine_triton.geometric_product(product.geometric, q, k, weights, conjugate)
    if weights is not None and backend == "numba":
        if product.geometric is None:
            return _native_terms(product, q, k, weights, conjugate)
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
                if term.sign != 1.0:
                    out[term.out].mul_(term.sign)
                filled.add(term.out)
    for unused in set(range(product.out_size)) - filled:
        out[unused].zero_()
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
    backend = _backend(q)
    if backend == "triton" and product.geometric is not None:
        from geometric_hyena.operators import combine_triton

        return combine_triton.geometric_term_sums(q, k, g, first, half)
    if backend == "numba":
        if product.geometric is None or not half:
            return _native_sums_of_terms(product, q, k, g, first, half)
        return _native_term_sums(q, k, g, first)
    sums = g.real.new_zeros(product.weight_count, q.shape[1])
    value, partial = torch.empty_like(q[0]), torch.empty_like(q[0])
    for weight, terms in product.terms_by_weight():
        for out in {term.out for term in terms}:
            value.zero_()
            for term in terms:
                if term.out == out:
                    value.addcmul_(q[term.query], k[term.key], value=term.sign)
            total = torch.mul(value, g[out].conj(), out=partial).real
            counted = 2 * total[..., 1:].sum(dim=-1) + first * total[..., 0]
            if half:
                counted -= total[..., -1]
            sums[weight] += counted.sum(dim=-1)
    return sums


def _backend(spectrum: Tensor) -> str | None:
    """What has compiled kernels for these spectra: for single precision alone."""
    return kernels.native_backend(spectrum) if spectrum.dtype == torch.complex64 else None


def _as_integers(spectrum: Tensor) -> "np.ndarray":
    """(P, c, B, F) complex64 as (P, c * B, F) unsigned 64-bit integers, in place."""
    import numpy as np

    return spectrum.contiguous().flatten(1, 2).numpy().view(np.uint64)


def _native_product(
    order: tuple[tuple[int, float], ...], q: Tensor, k: Tensor, weights: Tensor, conjugate: bool
) -> Tensor:
    import numpy as np

    from geometric_hyena.operators.combine_native import geometric_product

    q, k, weights = q.contiguous(), k.contiguous(), weights.detach()
    out = scratch("combined", q.shape, q.dtype, q.device)
    rows, bins = q.shape[1] * q.shape[2], q.shape[3]
    which, signs = np.array([w for w, _ in order]), np.array([sign for _, sign in order], np.float32)
    addresses = (q.data_ptr(), k.data_ptr(), out.data_ptr(), rows, bins)
    places = (weights.data_ptr(), *weights.stride(), q.shape[2], which, signs)
    one = np.float32(-1 if conjugate else 1)
    over_rows(geometric_product, rows, rows * bins, (*addresses, *places, one))
    return out


def _native_term_sums(q: Tensor, k: Tensor, g: Tensor, first: float) -> Tensor:
    import numpy as np

    from geometric_hyena.operators.combine_native import geometric_term_sums

    q, k, g = q.contiguous(), k.contiguous(), g.contiguous()
    rows, bins = q.shape[1] * q.shape[2], q.shape[3]
    sums = torch.empty(rows, 5, dtype=torch.float64)
    addresses = (q.data_ptr(), k.data_ptr(), g.data_ptr(), rows, bins)
    arguments = (*addresses, first, sums.numpy(), np.zeros(1, np.float32))
    over_rows(geometric_term_sums, rows, rows * bins, arguments)
    return sums.unflatten(0, q.shape[1:3]).sum(dim=1).T.to(g.real.dtype)


def _native_terms(product: BilinearProduct, q: Tensor, k: Tensor, weights: Tensor, conjugate: bool) -> Tensor:
    from geometric_hyena.operators.terms_native import term_product

    rows = weights.detach().repeat_interleave(q.shape[2], dim=1).numpy()
    out = scratch("combined", (product.out_size, *q.shape[1:]), q.dtype, q.device)
    table = product.table
    arguments = (_as_integers(q), _as_integers(k), rows, table, conjugate, _as_integers(out))
    over_rows(term_product, rows.shape[1], q[0].numel(), arguments)
    return out


def _native_sums_of_terms(
    product: BilinearProduct, q: Tensor, k: Tensor, g: Tensor, first: float, half: bool
) -> Tensor:
    from geometric_hyena.operators.terms_native import term_sums

    sums = torch.empty(product.weight_count, q.shape[1] * q.shape[2], dtype=torch.float64)
    spectra = (_as_integers(q), _as_integers(k), _as_integers(g))
    over_rows(term_sums, sums.shape[1], q[0].numel(), (*spectra, product.table, first, half, sums.numpy()))
    return sums.unflatten(1, q.shape[1:3]).sum(dim=2).to(g.real.dtype)
