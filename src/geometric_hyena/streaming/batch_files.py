"""A batch in a folder of .npy files, read a block of tokens at a time."""

import os
import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricBatch
from geometric_hyena.streaming.disk import read_into


class NpyFile:
    """An array (T, ...) in a .npy file; `file[start:stop]` reads tokens of it."""

    def __init__(self, path: Path):
        try:
            with open(path, "rb", buffering=0) as file:
                layout = np.lib.format
                first = layout.read_magic(file) == (1, 0)
                read = layout.read_array_header_1_0 if first else layout.read_array_header_2_0
                self.shape, fortran, self.dtype = read(file)
                self._offset, there = file.tell(), os.fstat(file.fileno()).st_size
                self._file = os.dup(file.fileno())
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as .npy ({error})") from error
        weakref.finalize(self, os.close, self._file)
        self.path = path
        size = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        if fortran or self.dtype.hasobject or there < self._offset + size:
            raise InputError(f"{path}: expected numbers in C order, as many as its shape {self.shape} says")

    def __getitem__(self, tokens: slice) -> Tensor:
        start, stop, _ = tokens.indices(self.shape[0])
        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        step = found.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        read_into(self._file, found, self._offset + start * step)
        return torch.from_numpy(found)


class Neighbours(NamedTuple):
    """Of n tokens: packed token numbers (n, K), at padding the token's own, and where there is one (n, K)."""

    index: Tensor
    mask: Tensor


class BatchFiles:
    """A batch as files in a folder, for sequences that do not fit into memory::

        scalars.npy        (T, S)
        positions.npy      (T, 3), angstrom
        neighbors.npy      (T, K) integers, numbers of packed tokens, padded with -1
        lengths.npy        (B,) tokens of each sequence; without it, one sequence
        vectors.npy        (T, V, 3), if any
        edge_features.npy  (T, K, E), if any

    `numpy.lib.format.open_memmap` writes such files a block at a time.

    Raises:
        InputError: naming the file that is missing, or has another shape.
    """

    sharding = None  # all tokens are this process's

    def __init__(self, folder: str | Path):
        path = Path(folder)
        self.scalars = self._required(path, "scalars", 2)
        tokens = self.scalars.shape[0]
        self.positions = self._required(path, "positions", 2, tokens)
        self.neighbors = self._required(path, "neighbors", 2, tokens)
        self.vectors = self._optional(path, "vectors", 3, tokens)
        self.edge_features = self._optional(path, "edge_features", 3, tokens)
        lengths = path / "lengths.npy"
        self.lengths = NpyFile(lengths)[:].long() if lengths.is_file() else torch.tensor([tokens])
        if tokens < 1 or self.lengths.min() < 1 or self.lengths.sum() != tokens:
            raise InputError(f"{lengths}: expected numbers from 1 on with the sum {tokens}")
        if self.positions.shape[1] != 3 or (self.vectors is not None and self.vectors.shape[2] != 3):
            raise InputError(f"{path}: expected positions (T, 3) and vectors (T, V, 3)")
        if self.neighbors.dtype.kind not in "iu":
            raise InputError(f"{self.neighbors.path}: expected integers, got {self.neighbors.dtype}")
        if self.edge_features is not None and self.edge_features.shape[1] != self.neighbors.shape[1]:
            raise InputError(f"{self.edge_features.path}: expected as many columns as neighbors.npy has")

    @staticmethod
    def _required(folder: Path, name: str, axes: int, tokens: int | None = None) -> NpyFile:
        file = NpyFile(folder / f"{name}.npy")
        if len(file.shape) != axes or (tokens is not None and file.shape[0] != tokens):
            rows = "T" if tokens is None else str(tokens)
            raise InputError(
                f"{file.path}: expected {axes} axes, the first of {rows} tokens, got {file.shape}"
            )
        return file

    def _optional(self, folder: Path, name: str, axes: int, tokens: int) -> NpyFile | None:
        return self._required(folder, name, axes, tokens) if (folder / f"{name}.npy").is_file() else None


def neighbours_of(batch: GeometricBatch | BatchFiles, start: int, stop: int) -> Neighbours:
    """Neighbours of the tokens from `start` to `stop`.

    Raises:
        InputError: for a token number that is none.
    """
    if isinstance(batch, GeometricBatch):
        return Neighbours(batch.neighbors.index[start:stop], batch.neighbors.mask[start:stop])
    table = batch.neighbors[start:stop].long()
    mask = table >= 0
    if table.numel() and int(table.max()) >= batch.scalars.shape[0]:
        raise InputError(f"{batch.neighbors.path}: token number {int(table.max())} is none of the batch")
    return Neighbours(torch.where(mask, table, torch.arange(start, stop)[:, None]), mask)
