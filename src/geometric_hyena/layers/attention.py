"""Blocks with self-attention in place of the long convolution, and all else as in Geometric Hyena's block.

    q, k, v = projection(f, V)
    f, V   += gate * attention(q, k / |k|, v / |v|)     scalars by scalars, vectors by vectors
    f, V   += projection(f, V)

(Geometric Hyena, A.6.) Attention sums the values itself, so they are not multiplied with its result again.
"""

from torch import Tensor

from geometric_hyena.layers.context_block import ContextBlock, Pair
from geometric_hyena.layers.projection import Geometry
from geometric_hyena.operators import (
    cross_product_vector_attention,
    dot_product_vector_attention,
    scalar_attention,
)


class AttentionBlock(ContextBlock):
    """What both kinds share: the scalars' attention.

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels.
        projection: keyword arguments of `EquivariantProjection` that all projections share.
        fused: torch's fused attention; otherwise the matrices of dot products are materialised.
    """

    def __init__(self, scalars: int, vectors: int, *, projection: dict, fused: bool = True):
        super().__init__(scalars, vectors, projection=projection)
        self.fused = fused

    def global_context(self, q: Pair, k: Pair, v: Pair, geometry: Geometry) -> Pair:
        """Attention within each sequence; pairs of scalars (T, D) and vectors (T, C, 3)."""
        lengths = [run.length for run in geometry.runs for _ in range(run.count)]
        u = scalar_attention(q[0], k[0], v[0], lengths, fused=self.fused)
        return u, self.vector_attention(q[1], k[1], v[1], lengths)

    def vector_attention(self, q: Tensor, k: Tensor, v: Tensor, lengths: list[int]) -> Tensor:
        """Vectors (T, C, 3) thrice -> (T, C, 3)."""
        raise NotImplementedError


class DotProductAttentionBlock(AttentionBlock):
    """Vectors attend by the dot products of all their channels (G-Transformer).

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels.
        projection: keyword arguments of `EquivariantProjection` that all projections share.
        scale: what the vectors' dot products are divided by, "length" (sqrt N) or "channels" (sqrt 3C).
        fused: torch's fused attention; otherwise the matrices of dot products are materialised.
    """

    def __init__(
        self, scalars: int, vectors: int, *, projection: dict, scale: str = "length", fused: bool = True
    ):
        super().__init__(scalars, vectors, projection=projection, fused=fused)
        self.scale = scale

    def vector_attention(self, q: Tensor, k: Tensor, v: Tensor, lengths: list[int]) -> Tensor:
        return dot_product_vector_attention(q, k, v, lengths, scale=self.scale, fused=self.fused)


class CrossProductAttentionBlock(AttentionBlock):
    """Vectors attend by their cross products, channel by channel (the SE(3)-Transformer of SE(3)-Hyena).

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels.
        projection: keyword arguments of `EquivariantProjection` that all projections share.
        values: "equation" or "code2", see `operators.cross_product_vector_attention`.
    """

    def __init__(self, scalars: int, vectors: int, *, projection: dict, values: str = "equation"):
        super().__init__(scalars, vectors, projection=projection)
        self.values = values

    def vector_attention(self, q: Tensor, k: Tensor, v: Tensor, lengths: list[int]) -> Tensor:
        return cross_product_vector_attention(q, k, v, lengths, values=self.values)
