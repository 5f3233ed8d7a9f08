"""What a file announces in its head, held against its size before a library makes room for it."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from geometric_hyena.data.protein_md.xtc_packing import Packing
from geometric_hyena.errors import InputError

_XTC_HEAD = struct.Struct(">3i10fi")  # magic, atoms, step; time and box; atoms again
_XTC_MAGIC = 1995
_XTC_PLAIN = 9  # up to so many atoms coordinates are not compressed
_XTC_PACKING = struct.Struct(">f8i")  # precision, least and greatest numbers, width, bytes
_TRR_MAGIC = struct.pack(">3i12s", 1993, 13, 12, b"GMX_trn_file")
_TRR_SIZES = struct.Struct(">13i")  # bytes of ten blocks; atoms, step, a number
_NAMDBIN_ATOMS = struct.Struct("=i")  # in the machine's byte order; x, y and z of each in double precision
_NEVER = 1 << 62
_GRO_LINE = 20  # bytes of the shortest line of an atom


def check_announced(path: str) -> None:
    """Check the counts of a GRO, NAMDBIN, XTC or TRR file, whose readers believe them; other files pass.

    Raises:
        InputError: where the file announces more than it holds, naming the frame.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".gro":
        _check_gro(path)
    elif suffix in (".coor", ".namdbin"):
        _check_namdbin(path)
    elif suffix in (".xtc", ".trr"):
        with open(path, "rb") as file:
            frames = _xtc_frames(file) if suffix == ".xtc" else _trr_frames(file)
            size, end, number = Path(path).stat().st_size, 0, 0
            for number, length in enumerate(frames):
                end += length
                if length <= 0 or end > size:
                    raise InputError(
                        f"{path}: breaks off at frame {number} or is broken there; copy it again or cut it "
                        f"to its first {number} frames"
                        if number
                        else f"{path}: cannot be read as a trajectory (frame 0 is broken or none); copy or "
                        f"write it again"
                    )
                file.seek(end)


def _check_gro(path: str) -> None:
    with open(path, "rb") as file:
        file.readline()
        said = file.readline(100).strip()
    atoms = int(said) if said.isdigit() else 0
    if atoms < 1 or atoms * _GRO_LINE > Path(path).stat().st_size:
        raise InputError(
            f"{path}: cannot be read as a GRO file (row 2 announces {said[:20].decode(errors='replace')!r} "
            f"atoms, and the file does not hold as many); copy or write it again"
        )


def _check_namdbin(path: str) -> None:
    with open(path, "rb") as file:
        head = file.read(_NAMDBIN_ATOMS.size)
    atoms = _NAMDBIN_ATOMS.unpack(head)[0] if len(head) == _NAMDBIN_ATOMS.size else 0
    if atoms < 1 or len(head) + 24 * atoms != Path(path).stat().st_size:
        raise InputError(
            f"{path}: cannot be read as a trajectory (it announces {atoms} atoms, and its size is that of "
            f"another number); copy or write it again"
        )


def _xtc_frames(file: BinaryIO) -> Iterator[int]:
    """Bytes of every frame, 0 for one that is broken or of another molecule; the caller goes to the next."""
    first = 0
    while head := file.read(_XTC_HEAD.size):
        length = 0
        if len(head) == _XTC_HEAD.size:
            fields = _XTC_HEAD.unpack(head)
            magic, atoms, again = fields[0], fields[1], fields[-1]
            first = first or atoms
            if magic == _XTC_MAGIC and atoms == again == first > 0:
                length = _XTC_HEAD.size + _xtc_coordinates(file, atoms)
        yield length


def _xtc_coordinates(file: BinaryIO, atoms: int) -> int:
    """Bytes of the coordinates that come next; so many that no file has them where they are broken."""
    if atoms <= _XTC_PLAIN:
        return 12 * atoms
    head = file.read(_XTC_PACKING.size)
    if len(head) < _XTC_PACKING.size:
        return _NEVER
    _, *numbers, width, count = _XTC_PACKING.unpack(head)
    packing = Packing(tuple(numbers[:3]), tuple(numbers[3:]), width, count)
    padded = count + -count % 4
    left = os.fstat(file.fileno()).st_size - file.tell()
    if not packing.possible(atoms) or padded > left or not packing.holds(file.read(padded), atoms):
        return _NEVER
    return _XTC_PACKING.size + padded


def _trr_frames(file: BinaryIO) -> Iterator[int]:
    """Bytes of every frame, 0 for one that is broken or of another molecule; the caller goes to the next."""
    first = 0
    while head := file.read(len(_TRR_MAGIC) + _TRR_SIZES.size):
        length = 0
        if len(head) == len(_TRR_MAGIC) + _TRR_SIZES.size and head.startswith(_TRR_MAGIC):
            *blocks, atoms, _, _ = _TRR_SIZES.unpack(head[len(_TRR_MAGIC) :])
            box, coordinates = blocks[2], blocks[7:]
            # Of 4 or 8 bytes a number; time and lambda follow in the same.
            wide = next((size // (3 * atoms) for size in coordinates if size and atoms > 0), box // 9)
            sizes_fit = {0, 3 * wide * atoms}.issuperset(coordinates) and box in (0, 9 * wide)
            first = first or atoms
            if wide in (4, 8) and sizes_fit and atoms == first > 0 and min(blocks) >= 0:
                length = len(head) + 2 * wide + sum(blocks)
        yield length
