"""Features of degrees 2, 3, ... made from vectors, by coupling a token's vectors with each other."""

from collections.abc import Sequence

from torch import Tensor, nn

from geometric_hyena.layers.normalization import divided_by_norm
from geometric_hyena.operators.clebsch_gordan import couple


class DegreeLift(nn.Module):
    """h^1 = W_1 V, h^l = h^(l-1) coupled to degree l with the directions of W_l V.

    The highest degree that two features couple to is the symmetric traceless part of their product. Only
    h^1 has a magnitude, so that h^l is linear in the magnitude of the vectors, as h^1 is.

    Args:
        vectors: C, vector channels.
        degrees: which degrees above 1 are wanted.
    """

    def __init__(self, vectors: int, degrees: Sequence[int]):
        super().__init__()
        self.degrees = tuple(degrees)
        highest = max(self.degrees, default=0)
        self.mixes = nn.ModuleList(nn.Linear(vectors, vectors, bias=False) for _ in range(highest))

    def forward(self, vectors: Tensor) -> dict[int, Tensor]:
        """(T, C, 3) -> {l: (T, C, 2 l + 1)} for the wanted degrees."""
        lifted = {}
        feature = vectors
        for degree, mix in enumerate(self.mixes, start=1):
            mixed = mix(vectors.transpose(1, 2)).transpose(1, 2)
            feature = mixed if degree == 1 else couple(feature, divided_by_norm(mixed, -1), degree)
            if degree in self.degrees:
                lifted[degree] = feature
        return lifted
