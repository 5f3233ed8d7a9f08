"""Long convolutions of scalars, vectors and scalar-vector pairs in O(N log N).

All compute u_i = s sum_j q_j * k_((i-j) mod N_b), circularly over each sequence's own length N_b, with
s = 1, 1/sqrt(N_b) or 1/N_b for `norm` = "none", "sqrt_length" or "length". Tokens come padded, with a batch
axis in front and optional `lengths`, or packed end to end, without a batch axis and with `lengths` summing
to the number of tokens. The result for a sequence does not depend on padding or on what shares its batch.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from geometric_hyena.operators.checks import (
    Lengths,
    check_device,
    check_norm,
    check_scalars,
    check_tokens,
    check_vectors,
    checked_lengths,
)
from geometric_hyena.operators.convolution import bilinear_convolution
from geometric_hyena.operators.products import (
    CROSS_PRODUCT,
    GEOMETRIC_PRODUCT,
    SCALAR_PRODUCT,
    BilinearProduct,
)
from geometric_hyena.operators.segments import equal_length_runs


def scalar_long_conv(q: Tensor, k: Tensor, lengths: Lengths | None = None, *, norm: str = "length") -> Tensor:
    """Scalar long convolution, u_i = s sum_j q_j k_((i-j) mod N) per channel (Geometric Hyena, Eq. 2).

    Args:
        q: queries (B, N, D), or packed (T, D).
        k: keys, same shape.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        norm: "length" (s = 1/N), "sqrt_length" (1/sqrt N) or "none" (1).

    Returns:
        Same shape as `q`; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    check_scalars(q=q, k=k)
    (u,) = convolve_tokens((q[..., None],), (k[..., None],), None, SCALAR_PRODUCT, lengths, norm)
    return u.squeeze(-1)


def vector_long_conv(q: Tensor, k: Tensor, lengths: Lengths | None = None, *, norm: str = "length") -> Tensor:
    """Vector long convolution, u_i = s sum_j q_j x k_((i-j) mod N) per channel (Geometric Hyena, Eq. 3).

    Rotates with its inputs. Equation 3 prints the key's index as j - i, which would be no convolution; this
    is the operator of the papers' code listing.

    Args:
        q: queries (B, N, C, 3), or packed (T, C, 3).
        k: keys, same shape.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        norm: "length" (s = 1/N), "sqrt_length" (1/sqrt N) or "none" (1).

    Returns:
        Same shape as `q`; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    check_vectors(q=q, k=k)
    return convolve_tokens((q,), (k,), None, CROSS_PRODUCT, lengths, norm)[0]


def geometric_long_conv(
    q_scalar: Tensor,
    q_vector: Tensor,
    k_scalar: Tensor,
    k_vector: Tensor,
    weights: Tensor,
    lengths: Lengths | None = None,
    *,
    norm: str = "length",
) -> tuple[Tensor, Tensor]:
    """Geometric long convolution: scalars and vectors convolved together (Geometric Hyena, Eqs. 9 and 10).

    With `*` the circular convolution and w_0..w_4 = `weights` per channel::

        scalar = w0 (q_scalar * k_scalar) + w1 sum_h (q_vector[h] * k_vector[h])
        vector = w2 (q_scalar * k_vector) + w3 (q_vector * k_scalar) + w4 (q_vector *x k_vector)

    Each of the 4 + 4 input components is transformed once, 4 come back: 12 real FFTs per channel.

    Args:
        q_scalar: (B, N, C), or packed (T, C).
        q_vector: (B, N, C, 3), or packed (T, C, 3).
        k_scalar: like `q_scalar`.
        k_vector: like `q_vector`.
        weights: (5, C), in the order above.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        norm: "length" (s = 1/N), "sqrt_length" (1/sqrt N) or "none" (1).

    Returns:
        Scalars and vectors, shaped like the queries; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    check_tokens("q_scalar", q_scalar, "(B, N, C) or packed (T, C)", (2, 3))
    check_tokens("k_scalar", k_scalar, "(B, N, C) or packed (T, C)", (2, 3), like=q_scalar)
    expected = "(B, N, C, 3) or packed (T, C, 3)"
    check_tokens("q_vector", q_vector, expected, (3, 4), like=q_scalar, components=(3,))
    check_tokens("k_vector", k_vector, expected, (3, 4), like=q_scalar, components=(3,))
    channels = q_scalar.shape[-1]
    if not isinstance(weights, Tensor) or weights.shape != (5, channels):
        got = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights).__name__
        raise ValueError(f"weights: expected shape (5, {channels}), got {got}")
    scalar, vector = convolve_tokens(
        (q_scalar[..., None], q_vector),
        (k_scalar[..., None], k_vector),
        weights,
        GEOMETRIC_PRODUCT,
        lengths,
        norm,
    )
    return scalar.squeeze(-1), vector


def convolve_tokens(
    q: tuple[Tensor, ...],
    k: tuple[Tensor, ...],
    weights: Tensor | None,
    product: BilinearProduct,
    lengths: Lengths | None,
    norm: str,
) -> tuple[Tensor, ...]:
    """The convolution of padded (B, N, C, P) or packed (T, C, P) tokens."""
    check_norm(norm)
    like = q[0]
    if weights is not None:
        check_device("weights", weights, like)
    packed = like.ndim == 3
    counts = checked_lengths(lengths, like, packed)
    if like.numel() == 0:
        return tuple(like.new_zeros(*like.shape[:-1], size) for size in product.out_parts)
    # Half-precision FFTs lose too much and want powers of two: those inputs are convolved in float32.
    compute = like.dtype if like.dtype in (torch.float32, torch.float64) else torch.float32
    layout = _TokensFirst(like.shape[:-2], like.dtype, compute, _real_places(like, counts, packed))
    parts = bilinear_convolution(
        q,
        k,
        None if weights is None else weights.to(compute),
        product,
        equal_length_runs(counts),
        norm,
        layout=layout,
    )
    return tuple(map(layout.tokens_first, parts))


def _real_places(tokens: Tensor, counts: list[int], packed: bool) -> Tensor | None:
    """Which places of padded tokens hold one, (B, N); None where all do."""
    if packed or min(counts) == tokens.shape[1]:
        return None
    places = torch.arange(tokens.shape[1], device=tokens.device)
    return places < torch.tensor(counts, device=tokens.device)[:, None]


class _TokensFirst(NamedTuple):
    """Padded (B, N, C, P) or packed (T, C, P) tokens; see `convolution.Layout`."""

    lead: torch.Size  # (B, N) or (T,)
    dtype: torch.dtype
    compute: torch.dtype
    real: Tensor | None

    def components_first(self, tokens: Tensor) -> Tensor:
        if self.real is not None:
            tokens = tokens[self.real]
        elif len(self.lead) == 2 and self.lead[0] == 1:
            tokens = tokens[0]
        if tokens.dtype != self.compute:
            tokens = tokens.to(self.compute)
        # Without a copy where the tokens are contiguous already.
        return tokens.permute(2, 1, 0) if tokens.ndim == 3 else tokens.permute(3, 2, 0, 1).flatten(2)

    def tokens_first(self, components: Tensor) -> Tensor:
        u = components if components.dtype == self.dtype else components.to(self.dtype)
        if self.real is not None:
            zeros = u.new_zeros(*self.lead, *u.shape[1::-1])
            return zeros.index_put((self.real,), u.permute(2, 1, 0))
        return u.permute(2, 1, 0) if len(self.lead) == 1 else u.unflatten(2, self.lead).permute(2, 3, 1, 0)
