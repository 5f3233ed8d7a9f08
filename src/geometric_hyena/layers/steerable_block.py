"""The Geometric Hyena block with a steerable long convolution, for features of degree 2 and above."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from geometric_hyena.errors import InputError
from geometric_hyena.layers.context_block import ContextBlock, Pair
from geometric_hyena.layers.lift import DegreeLift
from geometric_hyena.layers.normalization import divided_by_norm
from geometric_hyena.layers.projection import Geometry
from geometric_hyena.operators import scalar_long_conv, steerable_long_conv
from geometric_hyena.operators.clebsch_gordan import couple
from geometric_hyena.operators.steerable import steerable_couplings


class SteerableHyenaBlock(ContextBlock):
    """A block whose convolution couples all degrees (Geometric Hyena, section A.5, Eqs. 11 and 12).

    What passes from block to block are scalars and vectors, as in `GeometricHyenaBlock`. Inside, queries,
    keys and values get features h^l of the higher degrees from their vectors (`DegreeLift`), weighed by a
    gate of their scalars; those of keys and values have unit length before it. What the convolution gives in
    degrees above 1 comes back by coupling with the values' features::

        scalars = (q * k + W u^0) v + sum_l W_l (u^l . v^l)         l = 2, 3, ...
        vectors = u^1 x v^1 + sum_(l, l') weight (u^l x v^l')^1     one of l, l' above 1

    Degrees 0 and 1 alone are `GeometricHyenaBlock`, and need no e3nn.

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels, and channels of every higher degree.
        projection: keyword arguments of `EquivariantProjection` that all projections share.
        conv_norm: scale of the convolutions, "length" (1/N), "sqrt_length" or "none".
        degrees: degrees of the features, with 0 and 1 among them, as numbers or as text such as "0,1,2".
        scalarisation: leave out the convolution's couplings of higher degrees with all but scalars.
    """

    def __init__(
        self,
        scalars: int,
        vectors: int,
        *,
        projection: dict,
        conv_norm: str = "length",
        degrees: Sequence[int] | str = (0, 1, 2),
        scalarisation: bool = False,
    ):
        super().__init__(scalars, vectors, projection=projection)
        self.conv_norm, self.channels = conv_norm, vectors
        self.to_pairs = nn.Linear(scalars, vectors, bias=False)
        self.from_pairs = nn.Linear(vectors, scalars, bias=False)
        self.degrees = check_degrees(degrees)
        self.scalarisation = scalarisation
        higher = self.degrees[2:]
        couplings = steerable_couplings(*[self.degrees] * 3, scalarisation=scalarisation)
        self.interaction = nn.Parameter(torch.ones(len(couplings), vectors))
        lifted = 3 if higher else 0  # queries, keys and values
        self.lifts = nn.ModuleList(DegreeLift(vectors, higher) for _ in range(lifted))
        self.lift_gates = nn.ModuleList(nn.Linear(scalars, len(higher) * vectors) for _ in range(lifted))
        self.from_higher = nn.ModuleList(nn.Linear(vectors, scalars, bias=False) for _ in higher)
        self.value_couplings = [
            (c.query, c.key)
            for c in steerable_couplings(self.degrees[1:], self.degrees[1:], [1])
            if max(c.query, c.key) > 1
        ]
        weights = torch.ones(len(self.value_couplings), vectors)
        self.value_interaction = nn.Parameter(weights) if higher else None

    def global_context(self, q: Pair, k: Pair, v: Pair, geometry: Geometry) -> Pair:
        """Steerable long convolution of queries with keys over each whole sequence, times the values.

        Every argument is a pair of scalars (T, D) and vectors (T, C, 3), and so is the result.
        """
        lengths = [run.length for run in geometry.runs for _ in range(run.count)]
        with torch.autocast(q[0].device.type, enabled=False):
            higher = [self._higher(which, *pair) for which, pair in enumerate((q, k, v))]
            u = steerable_long_conv(
                {0: self.to_pairs(q[0])[..., None], 1: q[1], **higher[0]},
                {0: self.to_pairs(k[0])[..., None], 1: k[1], **higher[1]},
                self.interaction,
                lengths,
                norm=self.conv_norm,
                scalarisation=self.scalarisation,
            )
            scalars = scalar_long_conv(q[0], k[0], lengths, norm=self.conv_norm) + self.from_pairs(
                u[0][..., 0]
            )
            scalars, vectors = scalars * v[0], torch.linalg.cross(u[1], v[1])
            values = {1: v[1], **higher[2]}
            for degree, back in zip(self.degrees[2:], self.from_higher, strict=True):
                scalars = scalars + back((u[degree] * values[degree]).sum(dim=-1))
            if self.value_interaction is not None:
                for weight, (left, right) in zip(self.value_interaction, self.value_couplings, strict=True):
                    vectors = vectors + weight[:, None] * couple(u[left], values[right], 1)
        return scalars, vectors

    def _higher(self, which: int, scalars: Tensor, vectors: Tensor) -> dict[int, Tensor]:
        """Gated features of the higher degrees for the queries (0), keys (1) or values (2)."""
        if not self.lifts:
            return {}
        lifted = self.lifts[which](vectors)
        masks = torch.sigmoid(self.lift_gates[which](scalars)).split(self.channels, dim=-1)
        return {
            degree: mask[..., None] * (feature if which == 0 else divided_by_norm(feature, -1))
            for mask, (degree, feature) in zip(masks, lifted.items(), strict=True)
        }


def check_degrees(degrees: Sequence[int] | str, name: str = "degrees") -> tuple[int, ...]:
    """Degrees in ascending order, given as numbers or as text such as "0,1,2".

    Raises:
        InputError: naming the option, unless they are distinct and 0 and 1 are among them.
    """
    words = degrees.split(",") if isinstance(degrees, str) else [str(degree) for degree in degrees]
    if all(word.strip().isdecimal() for word in words):
        found = tuple(sorted(int(word) for word in words))
        if found[:2] == (0, 1) and len(set(found)) == len(found):
            return found
    raise InputError(
        f"{name}: expected distinct degrees with 0 and 1 among them, such as 0,1,2, got '{','.join(words)}'"
    )
