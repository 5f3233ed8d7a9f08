"""What the engines of the convolution are asked for, `convolution_native` and `convolution_torch` alike."""

from typing import NamedTuple

from torch import Tensor

from geometric_hyena.operators.products import BilinearProduct
from geometric_hyena.operators.segments import Run

Parts = tuple[Tensor, ...]


class Request(NamedTuple):
    """A convolution of packed sequences.

    Attributes:
        product: the product `*`.
        weights: (weight_count, C), or None for a product without weights.
        runs: where the sequences lie.
        scales: the factor s of every run.
    """

    product: BilinearProduct
    weights: Tensor | None
    runs: list[Run]
    scales: list[float]


class Gradients(NamedTuple):
    """Where the backward writes the gradients; None where one is not wanted.

    Attributes:
        q: shaped as the parts of the queries.
        k: shaped as the parts of the keys.
        weights: shaped as the weights.
    """

    q: Parts | None
    k: Parts | None
    weights: Tensor | None
