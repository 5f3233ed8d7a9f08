"""G-Transformer: Geometric Hyena with dot-product vector self-attention in place of long convolutions."""

from functools import partial

from geometric_hyena.layers.attention import DotProductAttentionBlock
from geometric_hyena.models.geometric_hyena import GeometricHyena


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
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; the unit in which the model sees positions.
        distance_bumps: Gaussian features of the distance beside its square; 0 as in the paper.
        global_tokens: G, global context tokens.
        local_messages: whether neighbours send messages.
        global_messages: whether global context tokens send messages.
        attention_scale: what the vectors' dot products are divided by, "length" (sqrt N) or "channels"
            (sqrt 3C); the paper leaves it open.
        fused: torch's fused attention; otherwise N x N matrices are materialised, as the papers do.
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
        attention_scale: str = "length",
        fused: bool = True,
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
            block=partial(DotProductAttentionBlock, scale=attention_scale, fused=fused),
        )
