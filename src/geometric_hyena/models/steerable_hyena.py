"""Geometric Hyena with features of degrees above 1 in its long convolutions."""

from collections.abc import Sequence
from functools import partial

from geometric_hyena.layers.steerable_block import SteerableHyenaBlock, check_degrees
from geometric_hyena.models.geometric_hyena import GeometricHyena


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
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; the unit in which the model sees positions.
        distance_bumps: Gaussian features of the distance beside its square; 0 as in the paper.
        global_tokens: G, global context tokens.
        local_messages: whether neighbours send messages.
        global_messages: whether global context tokens send messages.
        conv_norm: scale of the convolutions, "length" (1/N), "sqrt_length" or "none".

    Raises:
        InputError: for degrees without 0 and 1, or that are none.
    """

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
        edge_dim: int = 0,
        radius: float = 10.0,
        distance_bumps: int = 0,
        global_tokens: int = 4,
        local_messages: bool = True,
        global_messages: bool = True,
        conv_norm: str = "length",
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
            block=partial(
                SteerableHyenaBlock,
                conv_norm=conv_norm,
                degrees=check_degrees(degrees),
                scalarisation=scalarisation,
            ),
        )
