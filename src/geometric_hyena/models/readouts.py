"""Readouts: small heads that turn a model's output into the prediction that a task asks for."""

from torch import Tensor, nn

from geometric_hyena.models.geometric_hyena import GeometricOutput


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

    def forward(self, output: GeometricOutput) -> Tensor:
        """Vectors (T, C, 3) -> (T, 3)."""
        return self.mix(output.vectors.transpose(1, 2))[..., 0]
