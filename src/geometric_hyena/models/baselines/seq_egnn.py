"""EGNN with a sequence model before it or behind it (Geometric Hyena, Table 4), O(N log N + N k)."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from geometric_hyena.models.baselines.egnn import EGNN
from geometric_hyena.models.baselines.hyena import HyenaOperator
from geometric_hyena.models.baselines.sequence_model import SequenceBlock, through_blocks
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.operators.segments import equal_length_runs

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class SeqEGNN(EGNN):
    """A bidirectional Hyena layer over the scalars, then `EGNN`; symmetries and vectors are EGNN's.

    The sequence model sees no positions, so scalars stay invariant.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token, the velocities of EGNN.
        hidden_dim: D, scalar channels.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers of EGNN.
        edge_dim: E, features per edge that the graphs bring.
        radius: the unit in which the model sees positions, angstrom.
        sequence_blocks: number of Hyena layers.
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
        sequence_blocks: int = 1,
    ):
        super().__init__(
            scalar_dim, vector_dim, hidden_dim, vector_channels, blocks, edge_dim=edge_dim, radius=radius
        )
        self.sequence = hyena_blocks(hidden_dim, sequence_blocks)

    def embedded(self, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) that have been through the sequence model."""
        return along_sequence(self.sequence, super().embedded(batch), batch)


class EGNNSeq(EGNN):
    """`EGNN`, then a bidirectional Hyena layer over its scalars; symmetries are EGNN's.

    So that the sequence model has a say in the vectors, too, each of EGNN's is scaled by a number made from
    its scalars. Positions are moved as EGNN moves them.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token, the velocities of EGNN.
        hidden_dim: D, scalar channels.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers of EGNN.
        edge_dim: E, features per edge that the graphs bring.
        radius: the unit in which the model sees positions, angstrom.
        sequence_blocks: number of Hyena layers.
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
        sequence_blocks: int = 1,
    ):
        super().__init__(
            scalar_dim, vector_dim, hidden_dim, vector_channels, blocks, edge_dim=edge_dim, radius=radius
        )
        self.sequence = hyena_blocks(hidden_dim, sequence_blocks)
        self.scale = nn.Linear(hidden_dim, vector_channels)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        out = super().forward(batch)
        scalars = along_sequence(self.sequence, out.scalars, batch)
        return GeometricOutput(scalars, self.scale(scalars)[..., None] * out.vectors, out.positions)


def hyena_blocks(width: int, count: int) -> nn.ModuleList:
    """Bidirectional Hyena layers over scalars."""
    return nn.ModuleList(SequenceBlock(HyenaOperator(width), width) for _ in range(count))


def along_sequence(blocks: nn.ModuleList, scalars: Tensor, batch: "GeometricBatch") -> Tensor:
    """Scalars (T, D) through blocks over each sequence."""
    return through_blocks(blocks, scalars, equal_length_runs(batch.lengths.tolist()))
