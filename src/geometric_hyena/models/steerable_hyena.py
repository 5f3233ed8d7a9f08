"""Geometric Hyena with features of degrees above 1 in its long convolutions."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from geometric_hyena.layers.steerable_block import SteerableHyenaBlock, check_degrees
from geometric_hyena.models.geometric_hyena import GeometricHyena, StackOptions
from geometric_hyena.models.options import passing_on


class SteerableHyena(GeometricHyena):
    """Geometric Hyena whose blocks convolve features of higher degrees (`SteerableHyenaBlock`).

    Takes and gives scalars, vectors and positions as `GeometricHyena` does, with the same symmetries.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, scalar channels, and width of the messages.
        vector_channels: C, vector channels, and channels of every higher degree.
        blocks: number of blocks.
        degrees: degrees of the features, with 0 and 1 among them, as numbers or as text such as "0,1,2".
        scalarisation: leave out the couplings of higher degrees with all but scalars.
        conv_norm: scale of the convolutions, "length" (1/N), "sqrt_length" or "none".
        options: edge_dim, radius, distance_bumps, distances, global_tokens, local_messages, global_messages,
            dropout, as those of `GeometricHyena`.

    Raises:
        InputError: for degrees without 0 and 1, or that are none.
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
        degrees: Sequence[int] | str = (0, 1, 2),
        scalarisation: bool = False,
        conv_norm: str = "length",
        **options: Unpack[StackOptions],
    ):
        block = partial(
            SteerableHyenaBlock,
            conv_norm=conv_norm,
            degrees=check_degrees(degrees),
            scalarisation=scalarisation,
        )
        super().__init__(scalar_dim, vector_dim, hidden_dim, vector_channels, blocks, block=block, **options)
