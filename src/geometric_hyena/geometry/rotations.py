"""Rotations of three-dimensional space."""

import torch
from torch import Tensor


def random_rotation(generator: torch.Generator | None = None, dtype: torch.dtype = torch.float64) -> Tensor:
    """A proper rotation (3, 3), uniform over SO(3) (Haar measure), from a random unit quaternion.

    Apply to row vectors as `x @ rotation.T`.
    """
    w, x, y, z = torch.nn.functional.normalize(
        torch.randn(4, generator=generator, dtype=torch.float64), dim=0
    ).unbind()
    rotation = torch.stack(
        [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]),
            torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]),
            torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]),
        ]
    )
    return rotation.to(dtype)


def reflection(dtype: torch.dtype = torch.float64) -> Tensor:
    """The mirror image in the yz plane, (3, 3): an improper rotation."""
    return torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=dtype))
