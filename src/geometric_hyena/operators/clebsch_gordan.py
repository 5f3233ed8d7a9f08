"""Clebsch-Gordan coefficients of SO(3) in the real basis, from e3nn: how two degrees couple to a third.

A feature of degree l has 2 l + 1 components and turns under the Wigner matrix D^l. In e3nn's real basis the
components of degree 1 are x, y, z, so that a vector is a feature of degree 1 as it stands.
"""

from functools import cache

import torch
from torch import Tensor

from geometric_hyena.errors import MissingDependencyError

# Coefficients below this are rounding errors of zeros.
_ZERO = 1e-12


@cache
def clebsch_gordan(
    query: int,
    key: int,
    out: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device = torch.device("cpu"),  # noqa: B008 (a constant)
) -> Tensor:
    """Real coefficients C of degrees `query` and `key` coupled to `out`, C[m1, m2, m].

    u[m] = sum C[m1, m2, m] q[m1] k[m2] is the only product of the two features that turns as one of degree
    `out`, up to a factor. Here the largest coefficient is one in magnitude, with the sign of e3nn's 3j
    symbol. So 1 x 1 -> 0 (and l x l -> 0) is the dot product, 1 x 1 -> 1 the cross product, and 0 x l -> l
    the plain product, all exactly.

    Returns:
        (2 query + 1, 2 key + 1, 2 out + 1); shared between callers, not to be written to.

    Raises:
        ValueError: where the degrees do not couple, |query - key| <= out <= query + key.
        MissingDependencyError: without e3nn.
    """
    if not abs(query - key) <= out <= query + key:
        raise ValueError(
            f"out: expected a degree from {abs(query - key)} to {query + key}, to which {query} and {key} "
            f"couple, got {out}"
        )
    try:
        from e3nn.o3 import wigner_3j
    except ImportError as error:
        raise MissingDependencyError(
            "e3nn", "baselines", "coupling features of degree 2 and above"
        ) from error
    with torch.inference_mode(False):  # else what is cached could take no part in a backward pass later
        symbol = wigner_3j(query, key, out, dtype=torch.float64, device="cpu")
        coefficients = symbol / symbol.abs().max()
        nearest = coefficients.round()
        coefficients = torch.where((coefficients - nearest).abs() < _ZERO, nearest, coefficients)
        return coefficients.to(dtype=dtype, device=device)


def couple(query: Tensor, key: Tensor, out: int) -> Tensor:
    """Couple features token by token: (..., 2 l1 + 1), (..., 2 l2 + 1) -> (..., 2 out + 1).

    Raises:
        ValueError: where the degrees do not couple.
        MissingDependencyError: without e3nn.
    """
    degrees = (query.shape[-1] // 2, key.shape[-1] // 2)
    coefficients = clebsch_gordan(*degrees, out, query.dtype, query.device)
    products = query[..., :, None] * key[..., None, :]
    return products.flatten(-2) @ coefficients.flatten(0, 1)
