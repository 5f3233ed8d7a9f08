"""Real files that the project may not carry: tests that need one are skipped where it is absent."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def real_file(name):
    """Path of a file of the data folder: `$GHYENA_DATA`, `$GHYENA_TEST_DATA`, or ../shared/data."""
    folder = os.environ.get("GHYENA_DATA") or os.environ.get("GHYENA_TEST_DATA") or _BESIDE
    path = Path(folder) / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; set GHYENA_DATA to the folder with {name}")
    return path
