"""Trivial predictors of motion, fitted to the training frames: what a model has to beat.

All take and give displacements `lag` frames ahead, in angstrom, as tensors (F, N, 3).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Frames:
    """What a trivial predictor may look at: (F, N, 3) positions, backward differences, displacements."""

    positions: Tensor
    velocities: Tensor
    displacements: Tensor


def trivial_predictions(train: Frames, test: Frames) -> dict[str, Tensor]:
    """Predictions (F, N, 3) for the test frames by every trivial predictor.

    Those of `motion_predictions` and, only where training and test have the same atoms,
    `atom_mean_displacement`: each atom's own mean, learned and looked up after superposing every frame on the
    first training frame.
    """
    predictions = motion_predictions(train, test)
    if train.positions.shape[1] == test.positions.shape[1]:
        reference = train.positions[0]
        to_reference = superpositions(train.positions, reference)
        mean = (train.displacements @ to_reference.transpose(1, 2)).mean(dim=0)
        predictions["atom_mean_displacement"] = mean @ superpositions(test.positions, reference)
    return predictions


def motion_predictions(train: Frames, test: Frames) -> dict[str, Tensor]:
    """Predictions (F, N, 3) by the trivial predictors to which all particles are the same.

    `no_motion` predicts zero; `linear_motion` s times the velocity, s by least squares; `mean_displacement`
    the mean over all training particles and frames, one vector.
    """
    return {
        "no_motion": torch.zeros_like(test.displacements),
        "linear_motion": fitted_scale(train) * test.velocities,
        "mean_displacement": train.displacements.mean(dim=(0, 1)).expand_as(test.displacements),
    }


def fitted_scale(frames: Frames) -> Tensor:
    """Least-squares s of displacement = s * backward difference; zero where nothing moved."""
    square = frames.velocities.double().square().sum()
    product = (frames.velocities.double() * frames.displacements.double()).sum()
    return (product / square if square > 0 else torch.zeros_like(square)).to(frames.velocities.dtype)


def superpositions(positions: Tensor, reference: Tensor) -> Tensor:
    """Rotations (F, 3, 3) that best superpose each frame (F, N, 3) on the reference (N, 3) (Kabsch).

    Apply to row vectors as `x @ rotation.T`.
    """
    moving = (positions - positions.mean(dim=1, keepdim=True)).double()
    fixed = (reference - reference.mean(dim=0)).double()
    u, _, vt = torch.linalg.svd(moving.transpose(1, 2) @ fixed)
    handedness = torch.linalg.det(u @ vt)
    correction = torch.ones(len(positions), 3, dtype=torch.float64)
    correction[:, 2] = handedness
    return ((u * correction[:, None]) @ vt).transpose(1, 2).to(positions.dtype)
