"""Torsion angles."""

import numpy as np


def dihedral(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The angle about b-c between a and d, points (..., 3) -> (...,) radians."""
    u, v, w = b - a, c - b, d - c
    first, second = np.cross(u, v), np.cross(v, w)
    sine = np.linalg.norm(v, axis=-1) * (u * second).sum(axis=-1)
    return np.arctan2(sine, (first * second).sum(axis=-1))
