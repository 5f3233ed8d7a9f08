"""Vector convolution in any dimension: the wedge product in place of the cross product.

The cross product is confined to three (and seven) dimensions; the wedge product of two vectors is a bivector,
an antisymmetric matrix, in any. Bivectors are kept as their entries above the diagonal, row by row: 12 in two
dimensions, 12, 13, 23 in three, n (n - 1) / 2 of them in n.
"""

from functools import cache
from itertools import combinations
from math import isqrt

import torch
from torch import Tensor

from geometric_hyena.operators.checks import Lengths, check_tokens
from geometric_hyena.operators.long_conv import convolve_tokens
from geometric_hyena.operators.products import BilinearProduct, Term


def wedge_long_conv(q: Tensor, k: Tensor, lengths: Lengths | None = None, *, norm: str = "length") -> Tensor:
    """Wedge long convolution, u_i = s sum_j q_j ^ k_((i-j) mod N) per channel, for vectors of n components.

    u turns as R u R^T (see `bivector_matrix`). For n = 3 its dual is `vector_long_conv`, exactly.

    Args:
        q: queries (B, N, C, n), or packed (T, C, n), n at least 2.
        k: keys, same shape.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        norm: "length" (s = 1/N), "sqrt_length" (1/sqrt N) or "none" (1).

    Returns:
        Bivectors (B, N, C, n (n - 1) / 2), or packed; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    expected = "(B, N, C, n) or packed (T, C, n)"
    check_tokens("q", q, expected, (3, 4))
    if q.shape[-1] < 2:
        raise ValueError(f"q: expected shape {expected} with n at least 2, got {tuple(q.shape)}")
    check_tokens("k", k, expected, (3, 4), like=q)
    return convolve_tokens((q,), (k,), None, wedge_product(q.shape[-1]), lengths, norm)[0]


@cache
def wedge_product(dimension: int) -> BilinearProduct:
    """(q ^ k)_ab = q_a k_b - q_b k_a, for a < b."""
    terms = []
    for out, (a, b) in enumerate(combinations(range(dimension), 2)):
        terms += [Term(out, a, b), Term(out, b, a, -1.0)]
    return BilinearProduct("wedge", dimension, dimension, len(terms) // 2, tuple(terms))


def bivector_matrix(bivector: Tensor) -> Tensor:
    """The antisymmetric matrix of a bivector, (..., n (n - 1) / 2) -> (..., n, n).

    Raises:
        ValueError: where the last axis has no size n (n - 1) / 2.
    """
    size = bivector.shape[-1]
    dimension = (1 + isqrt(1 + 8 * size)) // 2
    if dimension < 2 or dimension * (dimension - 1) // 2 != size:
        raise ValueError(f"bivector: expected a last axis of 1, 3, 6, 10, ..., got {tuple(bivector.shape)}")
    rows, columns = torch.triu_indices(dimension, dimension, 1, device=bivector.device)
    matrix = bivector.new_zeros(*bivector.shape[:-1], dimension, dimension)
    matrix[..., rows, columns] = bivector
    return matrix - matrix.transpose(-1, -2)


def contract(bivector: Tensor, vector: Tensor) -> Tensor:
    """Contract bivectors with vectors, (..., n (n - 1) / 2), (..., n) -> (..., n): back to vectors.

    (q ^ k) with v gives k (q . v) - q (k . v), which for n = 3 is the double cross product (q x k) x v.

    Raises:
        ValueError: where the sizes do not fit.
    """
    matrix = bivector_matrix(bivector)
    if vector.shape[-1] != matrix.shape[-1]:
        raise ValueError(
            f"vector: expected a last axis of {matrix.shape[-1]}, as the bivectors have, "
            f"got {tuple(vector.shape)}"
        )
    return -(matrix @ vector[..., None])[..., 0]


def dual(bivector: Tensor) -> Tensor:
    """The vector that stands for a bivector of three dimensions, 12 -> z, 13 -> -y, 23 -> x: (..., 3).

    Raises:
        ValueError: for another dimension.
    """
    if bivector.shape[-1] != 3:
        raise ValueError(f"bivector: expected a last axis of 3, got {tuple(bivector.shape)}")
    return torch.stack([bivector[..., 2], -bivector[..., 1], bivector[..., 0]], dim=-1)
