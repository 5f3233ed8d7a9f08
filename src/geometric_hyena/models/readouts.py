"""Readouts: small heads that turn a model's output into the prediction that a task asks for."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.operators.segments import equal_length_runs, segment_mean

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class VectorReadout(nn.Module):
    """One vector per token, a learned mix of the vector channels: rotates with the molecule.

    It starts at zero, where a prediction of motion is no worse than no motion.

    Args:
        vector_channels: C of the model.
    """

    def __init__(self, vector_channels: int):
        super().__init__()
        self.mix = nn.Linear(vector_channels, 1, bias=False)
        nn.init.zeros_(self.mix.weight)

    def forward(self, output: GeometricOutput, batch: "GeometricBatch") -> Tensor:
        """Vectors (T, C, 3) -> (T, 3)."""
        return self.mix(output.vectors.transpose(1, 2))[..., 0]


class PooledVectorReadout(nn.Module):
    """One vector per sequence, a learned mix of the mean over its tokens: rotates with the sequence.

    It starts at zero, the mean of targets of all orientations.

    Args:
        vector_channels: C of the model.
    """

    def __init__(self, vector_channels: int):
        super().__init__()
        self.mix = nn.Linear(vector_channels, 1, bias=False)
        nn.init.zeros_(self.mix.weight)

    def forward(self, output: GeometricOutput, batch: "GeometricBatch") -> Tensor:
        """Vectors (T, C, 3) -> (B, 3)."""
        pooled = segment_mean(output.vectors, equal_length_runs(batch.lengths.tolist()))
        return self.mix(pooled.transpose(1, 2))[..., 0]
