"""SIREN: a perceptron with sine activations that maps a position along the sequence to weights."""

import math

import torch
from torch import Tensor, nn


class Siren(nn.Module):
    """w: R -> R^G, sin(w0 (W z + b)) twice, then a linear map (Sitzmann et al., 2020).

    Being a function of the relative position i/N it serves sequences of any length.
    """

    def __init__(self, outputs: int, hidden: int = 32, frequency: float = 30.0):
        super().__init__()
        self.frequency = frequency
        self.first = nn.Linear(1, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, outputs)
        bound = math.sqrt(6 / hidden) / frequency
        nn.init.uniform_(self.first.weight, -1, 1)
        nn.init.uniform_(self.second.weight, -bound, bound)
        nn.init.uniform_(self.last.weight, -bound * frequency, bound * frequency)

    def forward(self, place: Tensor) -> Tensor:
        """(..., 1) relative places to (..., G)."""
        hidden = torch.sin(self.frequency * self.first(place))
        hidden = torch.sin(self.frequency * self.second(hidden))
        return self.last(hidden)
