"""EGNN with a sequence model before it or behind it (Geometric Hyena, Table 4), O(N log N + N k)."""

from typing import TYPE_CHECKING, TypedDict, Unpack

from torch import Tensor, nn

from geometric_hyena.models.baselines.egnn import EGNN
from geometric_hyena.models.baselines.hyena import HyenaOperator
from geometric_hyena.models.baselines.sequence_model import SequenceBlock, through_blocks
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.options import passing_on
from geometric_hyena.operators.segments import equal_length_runs

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class SequenceOptions(TypedDict, total=False):
    """Options of `EGNNAndSequence`, explained there."""

    edge_dim: int
    radius: float
    sequence_blocks: int


class EGNNAndSequence(EGNN):
    """`EGNN` and bidirectional Hyena layers over its scalars, which see no positions: scalars stay invariant.

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
        self.sequence = nn.ModuleList(
            SequenceBlock(HyenaOperator(hidden_dim), hidden_dim) for _ in range(sequence_blocks)
        )

    def along_sequence(self, scalars: Tensor, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) through the Hyena layers over each sequence."""
        return through_blocks(self.sequence, scalars, equal_length_runs(batch.lengths.tolist()))


class SeqEGNN(EGNNAndSequence):
    """A sequence model over the scalars, then `EGNN`; symmetries and vectors are EGNN's.

    Made as `EGNNAndSequence` is.
    """

    def embedded(self, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) that have been through the sequence model."""
        return self.along_sequence(super().embedded(batch), batch)


class EGNNSeq(EGNNAndSequence):
    """`EGNN`, then a sequence model over its scalars; symmetries are EGNN's.

    So that the sequence model has a say in the vectors, too, each of EGNN's is scaled by a number made from
    its scalars. Positions are moved as EGNN moves them. Made as `EGNNAndSequence` is.
    """

    @passing_on(SequenceOptions, EGNNAndSequence)
    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        vector_channels: int = 8,
        blocks: int = 3,
        **options: Unpack[SequenceOptions],
    ):
        super().__init__(scalar_dim, vector_dim, hidden_dim, vector_channels, blocks, **options)
        self.scale = nn.Linear(hidden_dim, vector_channels)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        out = super().forward(batch)
        scalars = self.along_sequence(out.scalars, batch)
        return GeometricOutput(scalars, self.scale(scalars)[..., None] * out.vectors, out.positions)
