"""G-Transformer: Geometric Hyena with dot-product vector self-attention in place of long convolutions."""

from functools import partial
from typing import Unpack

from geometric_hyena.layers.attention import DotProductAttentionBlock
from geometric_hyena.models.geometric_hyena import GeometricHyena, StackOptions
from geometric_hyena.models.options import passing_on


class GTransformer(GeometricHyena):
    """Geometric Hyena with self-attention by dot products in place of long convolutions (A.6): O(N^2) time.

    Projections, queries, keys, values, gates and output are those of `GeometricHyena`. Through torch's fused
    attention, the default, memory grows with N. Reflections are a symmetry, besides SE(3): no product of the
    model is axial.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, scalar channels, and width of the messages.
        vector_channels: C, vector channels.
        blocks: number of blocks.
        attention_scale: what the vectors' dot products are divided by, "length" (sqrt N) or "channels"
            (sqrt 3C); the paper leaves it open.
        fused: torch's fused attention; otherwise N x N matrices are materialised, as the papers do.
        options: edge_dim, radius, distance_bumps, distances, global_tokens, local_messages, global_messages,
            dropout, as those of `GeometricHyena`.
    """

    @passing_on(StackOptions, GeometricHyena)
    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        vector_channels: int = 8,
        blocks: int = 3,
        *,
        attention_scale: str = "length",
        fused: bool = True,
        **options: Unpack[StackOptions],
    ):
        block = partial(DotProductAttentionBlock, scale=attention_scale, fused=fused)
        super().__init__(scalar_dim, vector_dim, hidden_dim, vector_channels, blocks, block=block, **options)
