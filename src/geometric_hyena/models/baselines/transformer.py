"""Transformer (Vaswani et al., 2017) over coordinates: a baseline without symmetry, O(N^2) time."""

import math

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from geometric_hyena.models.baselines.sequence_model import SequenceModel


class SelfAttention(nn.Module):
    """Multi-head self-attention over all tokens, through torch's fused kernels."""

    def __init__(self, hidden: int, heads: int):
        super().__init__()
        self.heads = math.gcd(hidden, heads)
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.output = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.output(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Transformer(SequenceModel):
    """A pre-norm Transformer encoder on flattened positions, vectors and scalars; NOT equivariant.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, channels.
        vector_channels: C, vectors per token in the output.
        blocks: number of blocks.
        edge_dim: E, features per edge that the graphs bring; not looked at.
        radius: the unit in which the model sees positions.
        heads: attention heads; fewer where they do not divide `hidden_dim`.
    """

    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        vector_channels: int = 8,
        blocks: int = 3,
        *,
        edge_dim: int = 0,
        radius: float = 10.0,
        heads: int = 4,
    ):
        mixers: list[nn.Module] = [SelfAttention(hidden_dim, heads) for _ in range(blocks)]
        super().__init__(mixers, scalar_dim, vector_dim, hidden_dim, vector_channels, edge_dim, radius)
