"""SE(3)-Transformer of the papers: Geometric Hyena with cross-product vector self-attention."""

from functools import partial
from typing import Unpack

from geometric_hyena.layers.attention import CrossProductAttentionBlock
from geometric_hyena.models.geometric_hyena import GeometricHyena, StackOptions
from geometric_hyena.models.options import passing_on


class SE3Transformer(GeometricHyena):
    """Geometric Hyena with self-attention by cross products in place of long convolutions (SE(3)-Hyena, B).

    Not the model of that name by Fuchs et al. Projections, queries, keys, values, gates and output are those
    of `GeometricHyena`; scalars attend by dot products. O(N^2) time, memory linear in N. Reflections are a
    symmetry, besides SE(3): a cross product of a cross product is polar again.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, scalar channels, and width of the messages.
        vector_channels: C, vector channels.
        blocks: number of blocks.
        attention_values: "equation", or "code2" for the paper's listing, see
            `operators.cross_product_vector_attention`.
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
        attention_values: str = "equation",
        **options: Unpack[StackOptions],
    ):
        block = partial(CrossProductAttentionBlock, values=attention_values)
        super().__init__(scalar_dim, vector_dim, hidden_dim, vector_channels, blocks, block=block, **options)
