"""Self-attention of scalars and of vectors within each sequence: what the papers compare convolutions with.

Time grows with N^2, memory with N: dot products go through torch's fused attention, cross products through
blocks of rows that are computed again in the backward. Tokens come padded, with a batch axis in front and
optional `lengths`, or packed end to end, as in `long_conv`; neither padding nor batch mates matter.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from geometric_hyena.operators.checks import (
    Lengths,
    check_choice,
    check_scalars,
    check_vectors,
    checked_lengths,
)
from geometric_hyena.operators.eager import eager
from geometric_hyena.operators.segments import equal_length_runs

SCALES = ("length", "channels")
VALUES = ("equation", "code2")

# Pairs of tokens whose cross products are held at a time: on a CPU what stays in the cache.
CHUNK_PAIRS = 1 << 18
_GPU_CHUNK_PAIRS = 1 << 24


def scalar_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    lengths: Lengths | None = None,
    *,
    scale: str = "channels",
    fused: bool = True,
) -> Tensor:
    """Ordinary self-attention, u_i = sum_j S_ij v_j with S = softmax_j(q_i . k_j / c).

    Args:
        q: queries (B, N, D), or packed (T, D).
        k: keys, same shape.
        v: values, same shape.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        scale: "channels" (c = sqrt D) or "length" (c = sqrt N).
        fused: torch's fused attention, with memory linear in N; otherwise S is materialised.

    Returns:
        Same shape as `q`; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    check_scalars(q=q, k=k, v=v)
    return _dot_product_attention(q, k, v, lengths, scale, fused)


def dot_product_vector_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    lengths: Lengths | None = None,
    *,
    scale: str = "length",
    fused: bool = True,
) -> Tensor:
    """Dot-product vector self-attention, u_i = sum_j S_ij v_j (G-Transformer; Geometric Hyena, A.6).

    S = softmax_j(sum_c q_ic . k_jc / c) is invariant, so that u rotates, and reflects, with the values.
    The papers leave c open; the default is that of the cross-product attention.

    Args:
        q: queries (B, N, C, 3), or packed (T, C, 3).
        k: keys, same shape.
        v: values, same shape.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        scale: "length" (c = sqrt N) or "channels" (c = sqrt 3C).
        fused: torch's fused attention, with memory linear in N (a GPU has none for float64); otherwise S is
            materialised, as the papers do.

    Returns:
        Same shape as `q`; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    check_vectors(q=q, k=k, v=v)
    u = _dot_product_attention(q.flatten(-2), k.flatten(-2), v.flatten(-2), lengths, scale, fused)
    return u.view_as(q)


def cross_product_vector_attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: Lengths | None = None, *, values: str = "equation"
) -> Tensor:
    """Cross-product vector self-attention per channel (SE(3)-Hyena, appendix B, Eqs. 4 and 5)::

        C_ij = q_i x k_j
        S_ij = softmax_j(|C_ij| / sqrt N) C_ij
        u_i  = 1/N sum_j S_ij x v_j

    Rotates, and reflects, with its inputs. Computed in float32 at least, whatever autocast says.

    Args:
        q: queries (B, N, C, 3), or packed (T, C, 3).
        k: keys, same shape.
        v: values, same shape.
        lengths: (B,) real tokens of each sequence; None for full sequences.
        values: "equation", or "code2" for the paper's listing, which multiplies with v_i in place of v_j.

    Returns:
        Same shape as `q`; zero at padded places.

    Raises:
        ValueError: for shapes, dtypes or lengths that do not fit, naming the argument.
    """
    check_vectors(q=q, k=k, v=v)
    check_choice("values", values, VALUES)
    compute = torch.promote_types(q.dtype, torch.float32)

    channels = (q.shape[-2], 3)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        blocks = (x.to(compute).unflatten(-1, channels).permute(0, 2, 3, 1) for x in (q, k, v))
        return _cross_products(*blocks, values=values).flatten(-2)

    with torch.autocast(q.device.type, enabled=False):
        u = _within_sequences(attend, q.flatten(-2), k.flatten(-2), v.flatten(-2), lengths)
    return u.view_as(q)


def _dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: Lengths | None, scale: str, fused: bool
) -> Tensor:
    check_choice("scale", scale, SCALES)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        factor = q.shape[1 if scale == "length" else 2] ** -0.5
        if not fused:
            return torch.softmax(q @ k.mT * factor, dim=-1) @ v
        # Kernels of single precision on a GPU take only widths of whole 16 bytes; zeros change nothing.
        # All take only contiguous channels, and torch would quietly materialise the matrix instead.
        width = q.shape[2]
        q, k, v = (pad(x[:, None], (0, -width % 8)).contiguous() for x in (q, k, v))
        return scaled_dot_product_attention(q, k, v, scale=factor)[:, 0, :, :width]

    return _within_sequences(attend, q, k, v, lengths)


def _cross_products(q: Tensor, k: Tensor, v: Tensor, *, values: str) -> Tensor:
    """Components before tokens, (B, C, 3, N) thrice -> (B, N, C, 3)."""
    length = q.shape[-1]
    if values == "equation":
        # (q x k) x v = k (v . q) - q (k . v): what all keys and values do to a query is one matrix.
        taken = torch.einsum("bcxn,bcyn->bcnxy", k, v)
        taken = taken - torch.eye(3, dtype=q.dtype, device=q.device) * (k * v).sum(dim=2)[..., None, None]
    else:
        taken = k.mT
    taken = taken.flatten(3)
    rows = max(1, (_GPU_CHUNK_PAIRS if q.is_cuda else CHUNK_PAIRS) // (q.shape[0] * q.shape[1] * length))
    parts = [
        # What lies between is N times as large as the inputs: it is computed again in the backward.
        checkpoint(_attend_by_cross_product, some, k, taken, use_reentrant=False, preserve_rng_state=False)
        for some in q.split(rows, dim=-1)
    ]
    given = torch.cat(parts, dim=2)
    if values == "equation":
        u = torch.einsum("bcnxy,bcyn->bncx", given.unflatten(-1, (3, 3)), q)
    else:
        u = torch.linalg.cross(torch.linalg.cross(q.mT, given), v.mT).transpose(1, 2)
    return u / length


def _attend_by_cross_product(q: Tensor, k: Tensor, taken: Tensor) -> Tensor:
    """Queries (B, C, 3, R), keys (B, C, 3, N), what is summed of the keys (B, C, N, F) -> (B, C, R, F)."""
    cross = torch.linalg.cross(q[..., :, None], k[..., None, :], dim=2)
    return torch.softmax(torch.linalg.vector_norm(cross, dim=2) * k.shape[-1] ** -0.5, dim=-1) @ taken


@eager
def _within_sequences(
    attend: Callable[[Tensor, Tensor, Tensor], Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    lengths: Lengths | None,
) -> Tensor:
    """Apply `attend`, (B, n, F) thrice -> (B, n, F), to each run of equal sequences; padded or packed."""
    packed = q.ndim == 2
    counts = checked_lengths(lengths, q, packed)
    if q.numel() == 0:
        return torch.zeros_like(q)
    real = None
    tokens = (q, k, v)
    if not packed:
        places = torch.arange(q.shape[1], device=q.device)
        real = places < torch.tensor(counts, device=q.device)[:, None]
        tokens = tuple(x.flatten(0, 1) if min(counts) == q.shape[1] else x[real] for x in tokens)
    parts = []
    for run in equal_length_runs(counts):
        blocks = (x[run.start : run.stop].unflatten(0, (run.count, run.length)) for x in tokens)
        parts.append(attend(*blocks).flatten(0, 1))
    u = torch.cat(parts).to(q.dtype)
    return u if real is None else torch.zeros_like(q).index_put((real,), u)
