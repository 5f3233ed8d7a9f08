"""Orders for tokens that have none of their own: a place in a sequence for each, however it is turned.

A long convolution needs an order. For a chain it is given; for a cloud of points it can be made from the
points themselves, in a frame that turns with them: principal axes, with signs fixed by the third moments.
Where two principal moments are equal, or a third moment is zero, that frame is not unique and neither is the
order.
"""

import torch
from torch import Tensor

# Bits per axis of the grid on which the space-filling curve runs.
_BITS = 16


def principal_frame(positions: Tensor) -> Tensor:
    """Coordinates (n, 3) of tokens along their principal axes, longest first; invariant under SE(3).

    The first two axes point to where the distribution has its longer tail, the third makes the frame
    right-handed.
    """
    positions = positions.double()  # so that rounding hardly ever decides
    centred = positions - positions.mean(dim=0)
    _, axes = torch.linalg.eigh(centred.T @ centred)
    first, second = axes[:, 2], axes[:, 1]
    first, second = (axis * _sign((centred @ axis).pow(3).sum()) for axis in (first, second))
    return centred @ torch.stack([first, second, torch.linalg.cross(first, second)], dim=1)


def along_axis(positions: Tensor) -> Tensor:
    """Permutation (n,) that sorts tokens (n, 3) along their longest principal axis."""
    return principal_frame(positions)[:, 0].argsort(stable=True)


def along_curve(positions: Tensor) -> Tensor:
    """Permutation (n,) that sorts tokens (n, 3) along a Hilbert curve in their principal frame."""
    frame = principal_frame(positions)
    low = frame.amin(dim=0)
    extent = (frame.amax(dim=0) - low).amax().clamp(min=torch.finfo(frame.dtype).tiny)
    cells = ((frame - low) / extent * (2**_BITS - 1)).round().long()
    # Within a cell by the first coordinate, so that the numbering of the tokens decides nothing.
    first = frame[:, 0].argsort(stable=True)
    return first[hilbert_index(cells[first], _BITS).argsort(stable=True)]


def displaced(count: int, fraction: float, generator: torch.Generator) -> Tensor:
    """Permutation (count,) in which a random `fraction` of the tokens change places among themselves."""
    moved = torch.randperm(count, generator=generator)[: round(fraction * count)]
    order = torch.arange(count)
    order[moved.sort().values] = moved
    return order


def hilbert_index(cells: Tensor, bits: int) -> Tensor:
    """Place (n,) along the Hilbert curve of grid cells (n, 3) with coordinates below 2^bits.

    Skilling's method ("Programming the Hilbert curve", 2004): undo the turns of the curve from the largest
    cubes to the smallest, after which the bits of the coordinates, interleaved, are the place in Gray code.
    """
    x = cells.clone()
    for bit in range(bits - 1, 0, -1):
        below = (1 << bit) - 1
        for axis in range(3):
            set_ = (x[:, axis] >> bit) & 1
            # Where the bit is set, mirror the first axis; elsewhere exchange it with this one.
            swap = torch.where(set_ == 1, 0, (x[:, 0] ^ x[:, axis]) & below)
            x[:, 0] ^= torch.where(set_ == 1, below, swap)
            x[:, axis] ^= swap
    for axis in (1, 2):
        x[:, axis] ^= x[:, axis - 1]
    flips = torch.zeros_like(x[:, 0])
    for bit in range(bits - 1, 0, -1):
        flips ^= torch.where((x[:, 2] >> bit) & 1 == 1, (1 << bit) - 1, 0)
    x ^= flips[:, None]
    place = torch.zeros_like(x[:, 0])
    for bit in range(bits - 1, -1, -1):
        for axis in range(3):
            place = (place << 1) | ((x[:, axis] >> bit) & 1)
    return place


def _sign(value: Tensor) -> Tensor:
    return torch.where(value < 0, -1, 1).to(value.dtype)
