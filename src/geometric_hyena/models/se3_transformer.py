"""SE(3)-Transformer of the papers: Geometric Hyena with cross-product vector self-attention."""

from functools import partial

from geometric_hyena.layers.attention import CrossProductAttentionBlock
from geometric_hyena.models.geometric_hyena import GeometricHyena


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
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; the unit in which the model sees positions.
        distance_bumps: Gaussian features of the distance beside its square; 0 as in the paper.
        global_tokens: G, global context tokens.
        local_messages: whether neighbours send messages.
        global_messages: whether global context tokens send messages.
        attention_values: "equation", or "code2" for the paper's listing, see
            `operators.cross_product_vector_attention`.
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
        distance_bumps: int = 0,
        global_tokens: int = 4,
        local_messages: bool = True,
        global_messages: bool = True,
        attention_values: str = "equation",
    ):
        super().__init__(
            scalar_dim,
            vector_dim,
            hidden_dim,
            vector_channels,
            blocks,
            edge_dim=edge_dim,
            radius=radius,
            distance_bumps=distance_bumps,
            global_tokens=global_tokens,
            local_messages=local_messages,
            global_messages=global_messages,
            block=partial(CrossProductAttentionBlock, values=attention_values),
        )
