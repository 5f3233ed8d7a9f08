"""Arrays kept on disk because making them takes long, and made again where their file is damaged."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from geometric_hyena.errors import WriteError
from geometric_hyena.files import make_folder, unwritable

_DIGEST = "sha256"  # of all other arrays of the file
_log = logging.getLogger(__name__)


def read_kept(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file by name; None where there is none, or where it is damaged, which is logged.

    A zip archive's own checksums do not cover its directory: the arrays are checked against theirs.
    """
    try:
        with open(path, "rb") as opened, np.load(opened) as file:
            found = dict(file)
        if found.pop(_DIGEST).tobytes() != _digest(found):
            raise ValueError("the arrays have another sha256")
    except FileNotFoundError:
        return None
    except Exception as error:  # zip and numpy meet anything in a damaged file
        _log.warning(f"ghyena: {path}: is damaged ({error}), and made again")
        return None
    return found


def write_kept(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name, as an npz file.

    Raises:
        WriteError: where that is not possible.
    """
    make_folder(path.parent)
    signed = {**arrays, _DIGEST: np.frombuffer(_digest(arrays), dtype=np.uint8)}
    partial = None
    try:
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
