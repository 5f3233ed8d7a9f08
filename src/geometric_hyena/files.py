"""Files written as a whole: a reader sees the old one or the new one, whatever happens in between."""

import contextlib
import errno
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError, WriteError, shown

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # disk, quota, and the largest file allowed


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, which takes its place at the end; after an error nothing is left.

    Raises:
        WriteError: where that is not possible.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # of a read-only folder; the first error says it
            partial.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> WriteError:
    """What there is to say of a file that could not be written."""
    mend = "make room there" if error.errno in _FULL else "make its folder writable"
    return WriteError(
        f"{path}: cannot be written ({error.strerror or error}); {mend}, or choose another place"
    )


def check_zip(path: Path) -> None:
    """Check the checksums of a zip archive, which PyTorch's checkpoints are and PyTorch does not check.

    Raises:
        InputError: where a member is not what was written.
        BadZipFile: where the file is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise InputError(f"{path}: {shown(broken)} is not what was written; copy the file again")


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        InputError: where that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be made ({error.strerror}); choose another place, on the command line with --out"
        ) from error


def replace_text(path: Path, text: str) -> None:
    """Write a text file."""
    with replacing(path) as partial:
        partial.write_text(text)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; numbers that JSON does not know, such as NaN, as null."""
    replace_text(path, json.dumps(_known(value), indent=2, allow_nan=False) + "\n")


def _known(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, (list, tuple)) else value
