"""Arrays kept on disk because making them takes long, and made again where their file is damaged."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from geometric_hyena.errors import WriteError
from geometric_hyena.files import unwritable

_DIGEST = "sha256"  # of all other arrays of the file
_log = logging.getLogger(__name__)


def read_kept(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of one file by name, None where there is none that can be used; see `read_all_kept`."""
    return read_all_kept([path]).get(path)


def read_all_kept(paths: Iterable[Path]) -> dict[Path, dict[str, np.ndarray]]:
    """The arrays of those files that are there and whole, by path and name.

    Logged are each damaged file, and in one line those that an earlier version kept without a checksum. A
    zip archive's own checksums do not cover its directory: the arrays are checked against theirs.
    """
    read: dict[Path, dict[str, np.ndarray]] = {}
    unsigned: list[Path] = []
    for path in paths:
        try:
            with open(path, "rb") as opened, np.load(opened) as file:
                found = dict(file)
            digest = found.pop(_DIGEST, None)
            if digest is None:
                unsigned.append(path)
                continue
            if digest.tobytes() != _digest(found):
                raise ValueError("the arrays have another sha256")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except Exception as error:  # zip and numpy meet anything in a damaged file
            _log.warning(f"ghyena: {path}: is damaged ({error}), and made again")
            continue
        read[path] = found
    if unsigned:
        count = f"{len(unsigned):,} file{'s' * (len(unsigned) > 1)}"
        _log.warning(f"ghyena: {unsigned[0].parent}: {count} of an earlier version, made again")
    return read


def write_kept(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name, as an npz file.

    Raises:
        WriteError: where that is not possible.
    """
    signed = {**arrays, _DIGEST: np.frombuffer(_digest(arrays), dtype=np.uint8)}
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: several processes may make the same arrays at once.
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
            partial = Path(file.name)
            np.savez(file, **signed)  # pyright: ignore[reportArgumentType]
        partial.chmod(0o644)  # not only for its owner, as temporary files are
        os.replace(partial, path)
        partial = None
    except OSError as error:
        raise WriteError(f"{unwritable(path, error)} with GHYENA_CACHE") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()
