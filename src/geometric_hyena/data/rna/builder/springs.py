"""Harmonic springs between points, the forces of both relaxations."""

import numpy as np
from scipy.sparse import csr_array


class Springs:
    """Springs between P pairs of points; the first `kept` pull and push, the others only push.

    Args:
        pairs: (P, 2) places of the points.
        kept: how many of them also pull.
        count: number of points.
    """

    def __init__(self, pairs: np.ndarray, kept: int, count: int):
        self.first, self.second = np.ascontiguousarray(pairs.T)
        self.kept = kept
        columns = np.arange(len(pairs))
        signs = np.repeat([1.0, -1.0], len(pairs))
        places = (np.concatenate([self.first, self.second]), np.concatenate([columns, columns]))
        self.scatter = csr_array((signs, places), shape=(count, len(pairs)))

    def __call__(
        self, points: np.ndarray, lengths: np.ndarray, weights: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Sum of weight * (d - length)^2 / 2 over the springs, and its gradient (count, 3)."""
        offset = points.take(self.first, axis=0) - points.take(self.second, axis=0)
        distance = np.sqrt(np.einsum("ij,ij->i", offset, offset)) + 1e-6
        extension = distance - lengths
        np.minimum(extension[self.kept :], 0.0, out=extension[self.kept :])
        pull = weights * extension
        offset *= (pull / distance)[:, None]
        return 0.5 * float(pull @ extension), self.scatter @ offset
