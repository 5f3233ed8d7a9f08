"""Sinusoidal encoding of the place in a sequence (Vaswani et al., 2017)."""

import torch
from torch import Tensor


def positional_features(length: int, count: int) -> Tensor:
    """Sines, then cosines, of the place, wavelengths from 2 pi to 10,000 times that: (N, count).

    float64, so that they are exact in any type they are turned into.
    """
    place = torch.arange(length, dtype=torch.float64)[:, None]
    frequency = 10_000.0 ** (-torch.arange(0, count, 2, dtype=torch.float64) / count)
    return torch.cat([(place * frequency).sin(), (place * frequency).cos()], dim=1)[:, :count]
