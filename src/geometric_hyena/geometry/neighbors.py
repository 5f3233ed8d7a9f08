"""Neighbour search: for every token, the `k` nearest others of its own sequence within a radius.

Ties are kept: where several tokens are as far as the k-th nearest (within a relative tolerance that is
far above rounding), all of them are neighbours. A cap that dropped some of them would choose by index or
by rounding error, and a rotation of the input could then change the graph.
"""

from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from geometric_hyena.errors import InputError

# Distances that agree to this relative tolerance count as equal.
TIE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Neighbors:
    """Neighbour table of packed tokens.

    `index` (T, K) holds packed token indices, every row sorted; `mask` (T, K) is False at padding, where
    `index` points at the token itself.
    """

    index: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> "Neighbors":
        """The same table on another device."""
        return Neighbors(self.index.to(device), self.mask.to(device))

    def counts(self) -> Tensor:
        """Number of neighbours of every token, (T,)."""
        return self.mask.sum(dim=1)


def nearest_neighbors(positions: Tensor | np.ndarray, k: int = 16, radius: float = 10.0) -> Tensor:
    """Neighbours of one sequence as a table of token indices padded with -1.

    Args:
        positions: (N, 3), in the unit of `radius` (angstrom for molecules).
        k: how many neighbours a token has at most, ties aside.
        radius: tokens further away than this are no neighbours (equal counts as within).

    Returns:
        (N, K) int64, each row ascending, padded with -1; K is the largest neighbour count.

    Raises:
        InputError: for a wrong shape, coordinates that are not finite, `k` < 1 or `radius` <= 0.
    """
    points = _checked_points(positions, k, radius)
    count = len(points)
    if count <= 1:
        return torch.full((count, 0), -1, dtype=torch.int64)
    tree = KDTree(points)
    reach = radius * (1 + TIE_TOLERANCE)
    asked = min(count, k + 2)  # the token itself, k others, and one more to see whether it ties
    while True:
        distance, index = tree.query(points, k=asked, distance_upper_bound=reach)
        distance = np.where(index == np.arange(count)[:, None], np.inf, distance)  # never one's own neighbour
        ordered = np.sort(distance, axis=1)
        kth = ordered[:, min(k, asked - 1) - 1]
        limit = np.where(np.isfinite(kth), kth * (1 + TIE_TOLERANCE), reach)
        kept = distance <= limit[:, None]
        # A last column that still ties may hide further ties.
        if asked == count or not (kept[:, -1] & np.isfinite(distance[:, -1])).any():
            break
        asked = min(count, 2 * asked)
    index = np.where(kept, index, count)
    index.sort(axis=1)
    index = index[:, : max(int(kept.sum(axis=1).max()), 0)]
    return torch.from_numpy(np.where(index == count, -1, index).astype(np.int64))


def sequence_neighbors(length: int, reach: int = 1) -> Tensor:
    """Neighbours along the sequence: tokens i - reach .. i + reach without i itself.

    Returns:
        (N, 2 * reach) int64, padded with -1.
    """
    offsets = torch.tensor([o for o in range(-reach, reach + 1) if o != 0])
    index = torch.arange(length)[:, None] + offsets
    return torch.where((index >= 0) & (index < length), index, -1)


def pack_neighbors(tables: list[Tensor], lengths: list[int], width: int | None = None) -> Neighbors:
    """Join per-sequence tables (N_b, K_b), padded with -1, into one table over packed tokens."""
    width = max([t.shape[1] for t in tables] + [1]) if width is None else width
    total = sum(lengths)
    own = torch.arange(total)
    index = own[:, None].repeat(1, width)
    mask = torch.zeros(total, width, dtype=torch.bool)
    start = 0
    # Tables of one width at once: a batch of many small graphs has a few operations, not a few for each.
    together = groupby(zip(tables, lengths, strict=True), key=lambda pair: pair[0].shape[1])
    for columns, pairs in together:
        found, counts = map(list, zip(*pairs, strict=True))
        table, stop = (torch.cat(found) if len(found) > 1 else found[0]).cpu(), start + sum(counts)
        sizes = torch.tensor(counts)
        first = (start + sizes.cumsum(0) - sizes).repeat_interleave(sizes)
        block, real = index[start:stop, :columns], table >= 0
        block.copy_(torch.where(real, table + first[:, None], block))
        mask[start:stop, :columns] = real
        start = stop
    return Neighbors(index, mask)


def _checked_points(positions: Tensor | np.ndarray, k: int, radius: float) -> np.ndarray:
    points = positions.detach().cpu().numpy() if isinstance(positions, Tensor) else np.asarray(positions)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"positions: expected shape (N, 3), got {tuple(points.shape)}")
    if k < 1:
        raise InputError(f"k: expected at least 1 neighbour, got {k}")
    if not radius > 0:
        raise InputError(f"radius: expected a positive distance, got {radius}")
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        raise InputError(f"positions: token {int(bad.argmax())} has a coordinate that is not finite")
    return points.astype(np.float64)
