"""Features of the distance between neighbours."""

import torch
from torch import Tensor, nn


class DistanceFeatures(nn.Module):
    """The squared distance over the squared radius (EGNN's and the paper's), and `bumps` Gaussians of it.

    The Gaussians are evenly spaced from 0 to `radius`, one spacing wide; `bumps=0` is the papers' choice.
    """

    def __init__(self, radius: float, bumps: int):
        super().__init__()
        self.radius = radius
        self.count = 1 + bumps
        self.register_buffer("centres", torch.linspace(0, radius, bumps), persistent=False)

    def forward(self, offsets: Tensor) -> Tensor:
        """(..., 3) offsets in the unit of `radius` -> (..., 1 + bumps)."""
        squared = offsets.square().sum(dim=-1, keepdim=True)
        scaled = squared / self.radius**2
        bumps = self.count - 1
        if bumps == 0:
            return scaled
        width = self.radius / max(bumps - 1, 1)
        distance = (squared + 1e-12).sqrt()
        centres = self.get_buffer("centres").to(offsets.dtype)
        return torch.cat([scaled, torch.exp(-0.5 * ((distance - centres) / width) ** 2)], dim=-1)
