"""Noise on training positions, whose targets lead back: few frames teach more about a molecule's shape."""

import torch
from torch import Tensor

from geometric_hyena.data.protein_md.features import speed_feature


def jitter(
    scalars: Tensor, positions: Tensor, vectors: Tensor | None, target: Tensor, noise: float
) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    """Move every atom by Gaussian noise, as if the frame had been sampled there.

    The displacement to the later frame shrinks by the noise, the displacement since the frame before, and its
    length among the scalars, grow by it. Neighbours stay those of the frame.

    Args:
        scalars: (T, S); the last one is the speed where there are velocities.
        positions: (T, 3), angstrom.
        vectors: (T, 1, 3) velocities, or None.
        target: (T, 3) displacements.
        noise: standard deviation per coordinate, angstrom.

    Returns:
        The four of them, moved.
    """
    moved = noise * torch.randn_like(positions)
    if vectors is not None:
        vectors = vectors + moved[:, None]
        scalars = torch.cat([scalars[:, :-1], speed_feature(vectors[:, 0])], dim=1)
    return scalars, positions + moved, vectors, target - moved
