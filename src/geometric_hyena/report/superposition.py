"""Rigid motions that make structures easy to look at and to compare."""

import numpy as np


def principal_axes(positions: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) whose rows are the principal axes of `positions` (N, 3), the longest first.

    `(positions - mean) @ axes.T` lies with its longest extent along x and its shortest along z. The
    determinant is +1, so a right-handed helix stays right-handed in the picture.
    """
    centred = positions - positions.mean(axis=0)
    _, _, axes = np.linalg.svd(centred.T @ centred)
    # The sign of an axis is arbitrary: fix the first two by their largest component, the third by handedness.
    for axis in axes[:2]:
        axis *= np.sign(axis[np.argmax(np.abs(axis))])
    axes[2] = np.cross(axes[0], axes[1])
    return axes


def superposing_rotation(mobile: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Rotation R (3, 3) that brings `mobile` (N, 3) closest to `reference` (N, 3), both centred: Kabsch.

    Use as `(mobile - mobile.mean(0)) @ R.T`; vectors turn with it as `vectors @ R.T`.
    """
    covariance = (reference - reference.mean(axis=0)).T @ (mobile - mobile.mean(axis=0))
    left, _, right = np.linalg.svd(covariance)
    handedness = np.diag([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    return left @ handedness @ right
