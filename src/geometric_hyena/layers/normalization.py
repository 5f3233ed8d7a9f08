"""Normalisation of keys and values, and of vector features."""

import torch
from torch import Tensor, nn


def unit_scalars(scalars: Tensor, eps: float = 1e-6) -> Tensor:
    """Divide scalars (..., D) by their Euclidean norm over D."""
    return scalars / (scalars.square().sum(dim=-1, keepdim=True) + eps**2).sqrt()


def unit_vectors(vectors: Tensor, eps: float = 1e-6) -> Tensor:
    """Divide every vector (..., 3) by its length; a zero vector stays zero."""
    return vectors / (vectors.square().sum(dim=-1, keepdim=True) + eps**2).sqrt()


class KeyValueNorm(nn.Module):
    """Keys and values to unit norm, scalars over their channels and each vector over xyz.

    Without it the block's output is bounded only by the cube of the largest input magnitude, with it
    linearly (Geometric Hyena, section 3); the queries keep their magnitude.
    """

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(T, D), (T, C, 3) -> the same shapes."""
        return unit_scalars(scalars), unit_vectors(vectors)


class VectorNorm(nn.Module):
    """Divide a token's vectors by the root mean square of their lengths, with a learned scale per channel.

    What LayerNorm is to scalars: rotates with its input, and keeps the relative lengths of the channels.
    """

    def __init__(self, channels: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, vectors: Tensor) -> Tensor:
        """(T, C, 3) -> (T, C, 3)."""
        mean_square = vectors.square().sum(dim=-1, keepdim=True).mean(dim=-2, keepdim=True)
        return vectors * (mean_square + self.eps**2).rsqrt() * self.weight[:, None]
