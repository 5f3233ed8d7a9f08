"""Steerable long convolution: features of degrees 0, 1, 2, ... convolved under Clebsch-Gordan products."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from torch import Tensor

from geometric_hyena.operators.checks import Lengths, check_tokens
from geometric_hyena.operators.clebsch_gordan import clebsch_gordan
from geometric_hyena.operators.long_conv import convolve_tokens
from geometric_hyena.operators.products import GEOMETRIC_PRODUCT, BilinearProduct, Term

_EXPECTED = "(B, N, C, {size}) or packed (T, C, {size})"


class Coupling(NamedTuple):
    """A product of a query's feature of one degree with a key's of another, to one of degree `out`."""

    out: int
    query: int
    key: int


def steerable_couplings(
    query: Sequence[int], key: Sequence[int], out: Sequence[int], *, scalarisation: bool = False
) -> list[Coupling]:
    """All products that `steerable_long_conv` sums, in the order of its weights: by out, query, key.

    For degrees 0 and 1 these are the five of `geometric_long_conv`, in its order.

    Args:
        query: degrees of the queries.
        key: degrees of the keys.
        out: degrees of the result.
        scalarisation: without the products of features above degree 1 with anything but scalars.
    """
    found = [
        Coupling(degree, q, k)
        for degree in sorted(out)
        for q in sorted(query)
        for k in sorted(key)
        if abs(q - k) <= degree <= q + k
    ]
    return [c for c in found if not scalarisation or max(c) <= 1 or 0 in (c.query, c.key)]


def steerable_long_conv(
    q: Mapping[int, Tensor],
    k: Mapping[int, Tensor],
    weights: Tensor | None = None,
    lengths: Lengths | None = None,
    *,
    norm: str = "length",
    out_degrees: Sequence[int] | None = None,
    scalarisation: bool = False,
) -> dict[int, Tensor]:
    """Steerable long convolution of features of any degrees (Geometric Hyena, Eqs. 11 and 12).

    With `*` the circular convolution, per channel, summed over all couplings (l1, l2) -> l::

        u^l[m] = sum weight_(l l1 l2) C[m1, m2, m] (q^l1[m1] * k^l2[m2])

    Each component is transformed once, products are summed in the frequency domain, and each component of the
    result comes back once. Degrees are in e3nn's real basis (degree 1 is x, y, z); C is scaled as in
    `clebsch_gordan`, so that degrees 0 and 1 alone are `geometric_long_conv`, by the same code.

    Scalarisation (section A.5) drops what couples a feature above degree 1 with anything but a scalar: left
    are all couplings among degrees 0 and 1, and those of each higher degree with scalars.

    Args:
        q: queries by degree l, (B, N, C, 2 l + 1), or packed (T, C, 2 l + 1).
        k: keys by degree, likewise; their degrees may be others.
        weights: (P, C), one row for each of the P `steerable_couplings`, in their order; None for ones.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        norm: "length" (s = 1/N), "sqrt_length" (1/sqrt N) or "none" (1).
        out_degrees: degrees of the result; None for all of `q` and `k`.
        scalarisation: drop couplings of higher degrees with higher ones, and with vectors.

    Returns:
        The result by degree, shaped like the queries; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes, degrees or lengths that do not fit, naming the argument.
        MissingDependencyError: for degrees above 1 without e3nn.
    """
    like = _check_features("q", q)
    _check_features("k", k, like)
    out = tuple(sorted(set(q) | set(k) if out_degrees is None else out_degrees))
    product = steerable_product(tuple(sorted(q)), tuple(sorted(k)), out, scalarisation)
    shape = (product.weight_count, like.shape[-2])
    if weights is None:
        weights = like.new_ones(shape)
    if not isinstance(weights, Tensor) or weights.shape != shape:
        got = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights).__name__
        raise ValueError(f"weights: expected shape {shape}, one row a coupling, got {got}")
    parts = convolve_tokens(
        tuple(q[degree] for degree in sorted(q)),
        tuple(k[degree] for degree in sorted(k)),
        weights,
        product,
        lengths,
        norm,
    )
    return dict(zip(out, parts, strict=True))


@cache
def steerable_product(
    query: tuple[int, ...], key: tuple[int, ...], out: tuple[int, ...], scalarisation: bool = False
) -> BilinearProduct:
    """The product of features of these (ascending) degrees, their components one after the other.

    Raises:
        ValueError: where some degree of `out` comes from none of the couplings.
        MissingDependencyError: for degrees above 1 without e3nn.
    """
    if query == key == out == (0, 1):  # the same terms, in a form that has a fused kernel and needs no e3nn
        return GEOMETRIC_PRODUCT
    couplings = steerable_couplings(query, key, out, scalarisation=scalarisation)
    missing = set(out) - {c.out for c in couplings}
    if missing or len(set(out)) < len(out) or not out:
        raise ValueError(
            f"out_degrees: expected distinct degrees that {list(query)} and {list(key)} couple to"
            f"{' under scalarisation' if scalarisation else ''}, got {list(out)}"
        )
    return BilinearProduct(
        "steerable",
        _size(query),
        _size(key),
        _size(out),
        coupling_terms(couplings, query, key, out),
        weight_count=len(couplings),
        parts=tuple(2 * degree + 1 for degree in out),
    )


def coupling_terms(
    couplings: Sequence[Coupling], query: Sequence[int], key: Sequence[int], out: Sequence[int]
) -> tuple[Term, ...]:
    """One term for every Clebsch-Gordan coefficient that is not zero; a weight for every coupling."""
    of_query, of_key, of_out = _offsets(query), _offsets(key), _offsets(out)
    terms = []
    for weight, (degree, l1, l2) in enumerate(couplings):
        coefficients = clebsch_gordan(l1, l2, degree)
        for m1, m2, m in coefficients.nonzero().tolist():
            places = (of_out[degree] + m, of_query[l1] + m1, of_key[l2] + m2)
            terms.append(Term(*places, float(coefficients[m1, m2, m]), weight))
    return tuple(terms)


def _size(degrees: Sequence[int]) -> int:
    return sum(2 * degree + 1 for degree in degrees)


def _offsets(degrees: Sequence[int]) -> dict[int, int]:
    """Where each degree's components start."""
    starts, first = {}, 0
    for degree in degrees:
        starts[degree] = first
        first += 2 * degree + 1
    return starts


def _check_features(name: str, features: Mapping[int, Tensor], like: Tensor | None = None) -> Tensor:
    """Raise unless the features are tokens by degree that fit each other and `like`; gives the first."""
    if not isinstance(features, Mapping) or not features:
        got = type(features).__name__ if not isinstance(features, Mapping) else "none"
        raise ValueError(f"{name}: expected features by degree, {{l: (B, N, C, 2 l + 1)}}, got {got}")
    for degree, tokens in features.items():
        if not isinstance(degree, int) or degree < 0:
            raise ValueError(f"{name}: expected degrees 0, 1, 2, ..., got {degree!r}")
        size = 2 * degree + 1
        label, expected = f"{name}[{degree}]", _EXPECTED.format(size=size)
        shape = None if like is None else like[..., :1].expand(*like.shape[:-1], size)
        check_tokens(label, tokens, expected, (3, 4), like=shape)
        if tokens.shape[-1] != size:
            raise ValueError(f"{label}: expected shape {expected}, got {tuple(tokens.shape)}")
        like = tokens
    assert like is not None
    return like
