"""What ours is compared with, written from the papers' equations: the way the papers describe it.

None of this is used by the library. Shapes as in the operators: (B, N, C) scalars, (B, N, C, 3) vectors.
"""

from typing import Any

import torch
from torch import Tensor, nn

from geometric_hyena.layers.attention import DotProductAttentionBlock
from geometric_hyena.layers.se3_hyena_block import SE3HyenaBlock
from geometric_hyena.operators import cross_product_vector_attention, reference, scalar_attention


def fft_conv(q: Tensor, k: Tensor) -> Tensor:
    """One scalar convolution along dimension 1: u_i = 1/N sum_j q_j k_(i-j)."""
    n = q.shape[1]
    spectrum = torch.fft.rfft(q, dim=1) * torch.fft.rfft(k, dim=1)
    return torch.fft.irfft(spectrum, n=n, dim=1) / n


def sixteen_convolutions(
    q_scalar: Tensor, q_vector: Tensor, k_scalar: Tensor, k_vector: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Geometric long convolution as sixteen separate scalar convolutions (appendix A.4.1, Eqs. 9 and 10)."""
    w = weights
    scalar = w[0] * fft_conv(q_scalar, k_scalar)
    for h in range(3):
        scalar = scalar + w[1] * fft_conv(q_vector[..., h], k_vector[..., h])
    rows = []
    for o in range(3):
        h, p = (o + 1) % 3, (o + 2) % 3
        row = w[2] * fft_conv(q_scalar, k_vector[..., o]) + w[3] * fft_conv(q_vector[..., o], k_scalar)
        cross = fft_conv(q_vector[..., h], k_vector[..., p]) - fft_conv(q_vector[..., p], k_vector[..., h])
        rows.append(row + w[4] * cross)
    return scalar, torch.stack(rows, dim=-1)


def vector_convolution_by_outer_product(q: Tensor, k: Tensor) -> Tensor:
    """Vector long convolution as SE(3)-Hyena lists it: all nine products, of which six are needed."""
    n = q.shape[1]
    q_hat, k_hat = torch.fft.rfft(q, dim=1), torch.fft.rfft(k, dim=1)
    outer = torch.fft.irfft(q_hat[..., :, None] * k_hat[..., None, :], n=n, dim=1) / n
    rows = [outer[..., (o + 1) % 3, (o + 2) % 3] - outer[..., (o + 2) % 3, (o + 1) % 3] for o in range(3)]
    return torch.stack(rows, dim=-1)


class ConcatenatedMessages(nn.Module):
    """One-layer-perceptron messages of a concatenation, per edge: how public implementations write EGNN.

    Moments as ours: sum_j m_ij, and sum_j (x_i - x_j) m_ij / |N_i|.
    """

    def __init__(self, scalars: int, edges: int, hidden: int):
        super().__init__()
        self.perceptron = nn.Linear(2 * scalars + edges, hidden)

    def forward(self, f: Tensor, index: Tensor, edges: Tensor, coefficients: Tensor) -> Tensor:
        """(T, D), (T, K), (T, K, E), (T, K, 4) -> (T, 4, H)."""
        own = f[:, None].expand(-1, index.shape[1], -1)
        messages = torch.nn.functional.silu(self.perceptron(torch.cat([own, f[index], edges], dim=-1)))
        return torch.einsum("tkp,tkh->tph", coefficients, messages)


class MaterialisedAttentionBlock(DotProductAttentionBlock):
    """G-Transformer's block with the N x N matrices in memory, as the papers describe it."""

    def __init__(self, scalars: int, vectors: int, *, projection: dict):
        super().__init__(scalars, vectors, projection=projection, fused=False)


class SE3TransformerBlock(SE3HyenaBlock):
    """SE(3)-Hyena's block with self-attention for its long convolutions: by cross products of vectors::

        f, V += attention(q, k, v);    f, V += xi(f, V)

    Args:
        materialised: all N x N cross products in memory at once, as its paper has them; else in chunks.
        options: those of `SE3HyenaBlock`.
    """

    def __init__(self, *sizes: int, materialised: bool, **options: Any):
        super().__init__(*sizes, **options)
        del self.gate
        self.materialised = materialised

    def forward(self, scalars: Tensor, vectors: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D), (N, C, 3) of one sequence, and its length (1,), which is not looked at."""
        mixed, mixed_vectors = self.qkv(scalars, vectors)
        qkv = [x[None] for x in mixed.split(self.scalars, dim=1)]
        qkv_vectors = [x[None] for x in mixed_vectors.split(self.vectors, dim=1)]
        attend = (
            reference.cross_product_vector_attention if self.materialised else cross_product_vector_attention
        )
        scalars = scalars + scalar_attention(*qkv, fused=not self.materialised)[0]
        vectors = vectors + attend(*qkv_vectors)[0]
        update, vector_update = self.output(scalars, vectors)
        return scalars + update, vectors + vector_update
