"""Arrays of all tokens on disk, of which a block at a time is in memory.

Files have no name: they vanish with the array, also where the process is killed. They are read and written by
plain calls rather than mapped, since pages of a map count as memory of the process for as long as they stay.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.errors import InputError

# Rows that are read through a map before its pages are given back: each may bring in 64 KiB.
_ROWS = 2048


def scratch_folder(folder: str | Path | None, needed: int) -> Path:
    """Where arrays are kept: a folder that is there, with so many bytes free; None: that of temporary files.

    Raises:
        InputError: where it is none or has too little room.
    """
    path = Path(tempfile.gettempdir() if folder is None else folder)
    if not path.is_dir():
        raise InputError(f"{path}: is no folder; streaming needs one to keep features in")
    state = os.statvfs(path)
    free = state.f_bavail * state.f_frsize
    if free < needed:
        raise InputError(
            f"{path}: streaming needs {needed / 1e9:,.1f} GB on disk, {free / 1e9:,.1f} GB are free there; "
            f"give another folder (or set TMPDIR)"
        )
    return path


def _nameless_file(owner: object, folder: Path, size: int) -> int:
    """A file of so many bytes that is closed, and gone, with its owner."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        descriptor = os.dup(file.fileno())
    weakref.finalize(owner, os.close, descriptor)
    os.ftruncate(descriptor, size)
    return descriptor


def _map(file: int, dtype: np.dtype) -> tuple[mmap.mmap, np.ndarray]:
    """A file mapped into memory, and the same as numbers."""
    pages = mmap.mmap(file, 0)
    return pages, np.frombuffer(pages, dtype)


def read_into(file: int, buffer: np.ndarray, offset: int) -> None:
    """Fill a contiguous array from a file."""
    _in_full(os.preadv, file, buffer, offset)


def write_from(file: int, buffer: np.ndarray, offset: int) -> None:
    """Write a contiguous array to a file."""
    _in_full(os.pwritev, file, buffer, offset)


def _in_full(call, file: int, buffer: np.ndarray, offset: int) -> None:
    """The system may do a part of what is asked for: no call moves more than 2 GiB."""
    view, done = memoryview(buffer.reshape(-1).view(np.uint8).data), 0
    while done < len(view):
        moved = call(file, [view[done:]], offset + done)
        if moved == 0:
            raise InputError("a file ends early; it was cut while it was read")
        done += moved


class ChannelArray:
    """(*lead, T) numbers, tokens last and contiguous: read by tokens, or by channels, the last of `lead`."""

    def __init__(self, lead: Sequence[int], tokens: int, dtype: torch.dtype, folder: Path):
        self.lead, self.tokens, self.dtype = tuple(lead), tokens, torch.empty(0, dtype=dtype).numpy().dtype
        self._file = _nameless_file(self, folder, prod(self.lead) * tokens * self.dtype.itemsize)
        self._rows = np.arange(prod(self.lead)).reshape(self.lead)

    def read(self, start: int, stop: int) -> Tensor:
        """Tokens from `start` to `stop`, (*lead, n)."""
        return self._read(self._rows, start, stop)

    def write(self, block: Tensor, start: int) -> None:
        """Tokens from `start` on, (*lead, n)."""
        self._write(self._rows, block, start)

    def read_channels(self, channels: slice) -> Tensor:
        """Some channels of all tokens, (..., c, T)."""
        return self._read(self._rows[..., channels], 0, self.tokens)

    def write_channels(self, block: Tensor, channels: slice) -> None:
        """Some channels of all tokens, (..., c, T)."""
        self._write(self._rows[..., channels], block, 0)

    def mapped(self) -> Tensor:
        """All of it, (*lead, T), mapped into memory; the file lives as long as the tensor."""
        return torch.from_numpy(_map(self._file, self.dtype)[1]).view(*self.lead, self.tokens)

    def _read(self, rows: np.ndarray, start: int, stop: int) -> Tensor:
        found = np.empty((rows.size, stop - start), self.dtype)
        for row, buffer in zip(rows.ravel(), found, strict=True):
            read_into(self._file, buffer, self._offset(row, start))
        return torch.from_numpy(found).view(*rows.shape, -1)

    def _write(self, rows: np.ndarray, block: Tensor, start: int) -> None:
        flat = block.reshape(rows.size, -1).contiguous().numpy()
        for row, buffer in zip(rows.ravel(), flat, strict=True):
            write_from(self._file, buffer, self._offset(row, start))

    def _offset(self, row: int, token: int) -> int:
        return (int(row) * self.tokens + token) * self.dtype.itemsize


class RowArray:
    """(T, width) numbers, the row of a token contiguous: written in order, read at any tokens."""

    def __init__(self, width: int, tokens: int, dtype: torch.dtype, folder: Path):
        self.width, self.tokens, self.dtype = width, tokens, torch.empty(0, dtype=dtype).numpy().dtype
        self._file = _nameless_file(self, folder, tokens * width * self.dtype.itemsize)

    def write(self, block: Tensor, start: int) -> None:
        """Rows (n, width) from a token on."""
        write_from(self._file, block.contiguous().numpy(), start * self.width * self.dtype.itemsize)

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The rows (m, width) that an index of any shape needs, and the index into these."""
        first, last = int(index.min()), int(index.max())
        # The neighbours of consecutive tokens mostly are consecutive themselves.
        if last - first < 2 * len(index) + 1024:
            found = np.empty((last + 1 - first, self.width), self.dtype)
            read_into(self._file, found, first * self.width * self.dtype.itemsize)
            return torch.from_numpy(found), index - first
        needed, inverse = torch.unique(index, return_inverse=True)
        found = np.empty((len(needed), self.width), self.dtype)
        pages, every = _map(self._file, self.dtype)
        rows = every.reshape(self.tokens, self.width)
        for start in range(0, len(needed), _ROWS):
            part = slice(start, start + _ROWS)
            found[part] = rows[needed[part].numpy()]
            pages.madvise(mmap.MADV_DONTNEED)
        return torch.from_numpy(found), inverse
