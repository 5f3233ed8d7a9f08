"""Pure tensor functions, without parameters: long convolutions in O(N log N), attention, and slow twins."""

from geometric_hyena.operators import reference
from geometric_hyena.operators.long_conv import geometric_long_conv, scalar_long_conv, vector_long_conv
from geometric_hyena.operators.steerable import steerable_long_conv
from geometric_hyena.operators.vector_attention import (
    cross_product_vector_attention,
    dot_product_vector_attention,
    scalar_attention,
)
from geometric_hyena.operators.wedge import wedge_long_conv

__all__ = [
    "cross_product_vector_attention",
    "dot_product_vector_attention",
    "geometric_long_conv",
    "reference",
    "scalar_attention",
    "scalar_long_conv",
    "steerable_long_conv",
    "vector_long_conv",
    "wedge_long_conv",
]
