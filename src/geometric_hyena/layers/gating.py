"""Selective gating: soft masks between 0 and 1 that let relevant tokens pass."""

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """m = sigmoid(W f): one mask per scalar channel and one per vector channel, both invariant."""

    def __init__(self, inputs: int, scalars: int, vectors: int):
        super().__init__()
        self.scalars = scalars
        self.map = nn.Linear(inputs, scalars + vectors)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(T, D) invariant features -> masks (T, scalars) and (T, vectors, 1)."""
        mask = torch.sigmoid(self.map(features))
        return mask[:, : self.scalars], mask[:, self.scalars :, None]
