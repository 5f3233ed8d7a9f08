"""The kernels around a projection as functions of tensors: on the CPU, in one float type, without gradients.

Tensors have the tokens last, and may be slices along them of longer ones.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from geometric_hyena.operators import tokens_kernels as kernels
from geometric_hyena.operators.threads import over_rows

Parts = Sequence[Tensor]


def normalised(
    sums: Parts, weight: Tensor, bias: Tensor, eps: float, shift: Tensor, kept: Tensor | None
) -> Tensor:
    """Layer normalisation of s = x + u v, or of s = x, over the channels: (D, n).

    Args:
        sums: x, or x, u and v, each (D, n).
        weight, bias: (D,) of the normalisation.
        eps: its epsilon.
        shift: (at least D,).
        kept: (D, n), written: s + shift; or None.
    """
    x = sums[0]
    out = x.new_empty(x.shape)
    arrays, pitches = _flat([*sums, *[x[:0]] * (3 - len(sums))])
    given = _array(weight), _array(bias), arrays[0].dtype.type(eps), _array(shift)
    written = *_flat_one(out), *_flat_one(x[:0] if kept is None else kept)
    over_rows(kernels.normalise, x.shape[1], 4 * x.numel(), (arrays, pitches, *given, *written))
    return out


def queries_keys_values(
    scalars: Tensor, vectors: Tensor, mask: Tensor | None, bias: Tensor, eps: float | None, out: Parts
) -> None:
    """Queries as they are, keys and values at unit length, values masked.

    Args:
        scalars: (at least 3 D, n) projected scalars of q, k and v, contiguous.
        vectors: (3, 3 C, n) projected vectors, contiguous.
        mask: (D + C, n) for the values' scalars and vectors, contiguous; or None.
        bias: (at least 3 D,) added to the scalars.
        eps: what is added to norms; None leaves keys and values as long as they are.
        out: scalars (D, n) and vectors (3, C, n) of q, then of k, then of v, written.
    """
    n = scalars.shape[1]
    given = [_flat_one(x)[0] for x in (scalars, vectors, scalars[:0] if mask is None else mask)]
    square = given[0].dtype.type(0 if eps is None else eps**2)
    channels = len(out[0]), out[1].shape[1]
    arguments = (*given, n, _array(bias), channels, square, eps is not None, *_flat(out))
    over_rows(kernels.queries_keys_values, n, scalars.numel() + vectors.numel(), arguments)


def added_product(x: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """x + u v, (3, C, n): u crossed with vectors v (3, C, n), or times a mask (C, n)."""
    kernel = kernels.add_cross_product if v.dim() == 3 else kernels.add_masked
    out = x.new_empty(x.shape)
    over_rows(kernel, x.shape[2], 3 * x.numel(), (*_flat([x, u, v]), x.shape[1], *_flat_one(out)))
    return out


def global_edges(positions: Tensor, sequence: Tensor, centers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Messages from the global tokens of each token's sequence.

    Args:
        positions: (n, 3).
        sequence: (n,) number of each token's sequence.
        centers: (B, G, 3) positions of the global tokens.

    Returns:
        Index (n, G), features log(1 + |r|^2) (n, G, 1) and coefficients (1, r / G) (n, G, 4).
    """
    n, count = len(positions), centers.shape[1]
    index = sequence.new_empty(n, count)
    edges, coefficients = positions.new_empty(n, count, 1), positions.new_empty(n, count, 4)
    given = [_array(x.contiguous()) for x in (positions, sequence, centers.flatten(0, 1))]
    written = map(_array, (index, edges, coefficients))
    over_rows(kernels.global_edges, n, 16 * index.numel(), (*given, count, *written))
    return index, edges, coefficients


def _flat(parts: Parts) -> tuple[tuple[np.ndarray, ...], tuple[int, ...]]:
    """Arrays and their pitches."""
    arrays, pitches = zip(*map(_flat_one, parts), strict=True)
    return arrays, pitches


def _flat_one(x: Tensor) -> tuple[np.ndarray, int]:
    """The rows (..., n) of a tensor as one flat array, gaps and all, and the distance from row to row.

    Copied where rows are not at one distance; what is written to has to have them so.
    """
    x = x.flatten(0, -2)
    count, n = x.shape
    if n > 1 and x.stride(1) != 1:
        x = x.contiguous()
    pitch = x.stride(0) if count > 1 else n
    return _array(x.as_strided(((count - 1) * pitch + n if count else 0,), (1,))), pitch


def _array(x: Tensor) -> np.ndarray:
    return (x.detach() if x.requires_grad else x).numpy()
