"""The operators as direct O(N^2) sums: slow, readable, and the oracle of every test.

Same names, signatures and meaning as the fast ones (but for options that only choose a kernel); written token
by token from their definitions, differentiable by plain autograd, in the dtype of the input.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from geometric_hyena.operators.clebsch_gordan import couple
from geometric_hyena.operators.convolution import scale
from geometric_hyena.operators.steerable import steerable_couplings


def scalar_long_conv(q: Tensor, k: Tensor, lengths: Tensor | None = None, *, norm: str = "length") -> Tensor:
    """u_i = s sum_j q_j k_((i-j) mod N); (B, N, D), (B, N, D) -> (B, N, D)."""
    return _each_sequence(lambda a, b: torch.einsum("jd,ijd->id", a, b), q, k, lengths, norm)


def vector_long_conv(q: Tensor, k: Tensor, lengths: Tensor | None = None, *, norm: str = "length") -> Tensor:
    """u_i = s sum_j q_j x k_((i-j) mod N); (B, N, C, 3), (B, N, C, 3) -> (B, N, C, 3)."""
    return _each_sequence(
        lambda a, b: torch.linalg.cross(a[None].expand_as(b), b).sum(dim=1), q, k, lengths, norm
    )


def geometric_long_conv(
    q_scalar: Tensor,
    q_vector: Tensor,
    k_scalar: Tensor,
    k_vector: Tensor,
    weights: Tensor,
    lengths: Tensor | None = None,
    *,
    norm: str = "length",
) -> tuple[Tensor, Tensor]:
    """Scalar-vector pairs convolved with all five products; see the fast twin for the equation."""

    def pair(q: Tensor, k: Tensor) -> Tensor:  # q (N, C, 4), k (i, j, C, 4)
        a1, r1, a2, r2 = q[None, ..., :1], q[None, ..., 1:], k[..., :1], k[..., 1:]
        w = weights[:, None, None, :, None]
        scalar = w[0] * a1 * a2 + w[1] * (r1 * r2).sum(dim=-1, keepdim=True)
        vector = w[2] * a1 * r2 + w[3] * r1 * a2 + w[4] * torch.linalg.cross(r1.expand_as(r2), r2)
        return torch.cat([scalar, vector], dim=-1).sum(dim=1)

    q = torch.cat([q_scalar[..., None], q_vector], dim=-1)
    k = torch.cat([k_scalar[..., None], k_vector], dim=-1)
    u = _each_sequence(pair, q, k, lengths, norm)
    return u[..., 0], u[..., 1:]


def steerable_long_conv(
    q: Mapping[int, Tensor],
    k: Mapping[int, Tensor],
    weights: Tensor | None = None,
    lengths: Tensor | None = None,
    *,
    norm: str = "length",
    out_degrees: Sequence[int] | None = None,
    scalarisation: bool = False,
) -> dict[int, Tensor]:
    """Features of any degrees, convolved one coupling after the other; see the fast twin."""
    out = sorted(set(q) | set(k) if out_degrees is None else out_degrees)
    couplings = steerable_couplings(list(q), list(k), out, scalarisation=scalarisation)
    like = next(iter(q.values()))
    u = {degree: like.new_zeros(*like.shape[:-1], 2 * degree + 1) for degree in out}
    for row, (degree, l1, l2) in enumerate(couplings):
        weight = 1.0 if weights is None else weights[row, :, None]
        u[degree] = u[degree] + weight * _each_sequence(
            lambda a, b, degree=degree: couple(a.expand(*b.shape[:-1], -1), b, degree).sum(dim=1),
            q[l1],
            k[l2],
            lengths,
            norm,
        )
    return u


def wedge_long_conv(q: Tensor, k: Tensor, lengths: Tensor | None = None, *, norm: str = "length") -> Tensor:
    """u_i = s sum_j q_j ^ k_((i-j) mod N); (B, N, C, n), (B, N, C, n) -> (B, N, C, n (n - 1) / 2)."""

    def wedge(a: Tensor, b: Tensor) -> Tensor:
        outer = torch.einsum("jca,ijcb->icab", a, b)
        rows, columns = torch.triu_indices(a.shape[-1], a.shape[-1], 1)
        return (outer - outer.transpose(-1, -2))[..., rows, columns]

    return _each_sequence(wedge, q, k, lengths, norm)


def _each_sequence(convolve, q: Tensor, k: Tensor, lengths: Tensor | None, norm: str) -> Tensor:
    """Convolve every padded sequence at its own length; padded places come out zero."""
    counts = [q.shape[1]] * q.shape[0] if lengths is None else [int(n) for n in lengths]
    rows = []
    for q_b, k_b, n in zip(q, k, counts, strict=True):
        shift = (torch.arange(n)[:, None] - torch.arange(n)[None, :]) % n  # [i, j] -> (i - j) mod N
        u = convolve(q_b[:n], k_b[:n][shift.to(k.device)]) * scale(norm, n)
        rows.append(torch.cat([u, u.new_zeros(q.shape[1] - n, *u.shape[1:])]))
    return torch.stack(rows) if rows else torch.zeros_like(q)


def scalar_attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | None = None, *, scale: str = "channels"
) -> Tensor:
    """u_i = sum_j softmax_j(q_i . k_j / c) v_j; (B, N, D) thrice -> (B, N, D)."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        c = (len(q) if scale == "length" else q.shape[1]) ** 0.5
        return torch.einsum("ij,jd->id", torch.softmax(torch.einsum("id,jd->ij", q, k) / c, dim=1), v)

    return _each_attention(attend, q, k, v, lengths)


def dot_product_vector_attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | None = None, *, scale: str = "length"
) -> Tensor:
    """u_i = sum_j softmax_j(sum_c q_ic . k_jc / c) v_j; (B, N, C, 3) thrice -> (B, N, C, 3)."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        c = (len(q) if scale == "length" else 3 * q.shape[1]) ** 0.5
        s = torch.softmax(torch.einsum("icx,jcx->ij", q, k) / c, dim=1)
        return torch.einsum("ij,jcx->icx", s, v)

    return _each_attention(attend, q, k, v, lengths)


def cross_product_vector_attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | None = None, *, values: str = "equation"
) -> Tensor:
    """u_i = 1/N sum_j S_ij x v_j with S_ij = softmax_j(|q_i x k_j| / sqrt N) (q_i x k_j), or v_i for v_j."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        cross = torch.linalg.cross(q[:, None], k[None])  # (i, j, C, 3)
        size = torch.linalg.vector_norm(cross, dim=-1, keepdim=True)
        s = torch.softmax(size / len(q) ** 0.5, dim=1) * cross
        return torch.linalg.cross(s, v[None] if values == "equation" else v[:, None]).mean(dim=1)

    return _each_attention(attend, q, k, v, lengths)


def _each_attention(attend, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | None) -> Tensor:
    """Let the real tokens of every padded sequence attend to each other; padded places come out zero."""
    counts = [q.shape[1]] * q.shape[0] if lengths is None else [int(n) for n in lengths]
    rows = []
    for q_b, k_b, v_b, n in zip(q, k, v, counts, strict=True):
        u = attend(q_b[:n], k_b[:n], v_b[:n])
        rows.append(torch.cat([u, u.new_zeros(q.shape[1] - n, *u.shape[1:])]))
    return torch.stack(rows) if rows else torch.zeros_like(q)


def message_moments(
    receiver: Tensor, sender: Tensor, edge_map: Tensor, index: Tensor, edges: Tensor, coefficients: Tensor
) -> Tensor:
    """M_i[p] = sum_j c_ijp silu(A_i + B_j + e_ij W), all edges at once, by plain autograd."""
    messages = torch.nn.functional.silu(receiver[:, None] + sender[index] + edges @ edge_map)
    return torch.einsum("tkp,tkh->tph", coefficients, messages)
