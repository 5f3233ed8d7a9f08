"""What every data set is loaded into: three splits, and where they come from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

Samples = TypeVar("Samples")


@dataclass(frozen=True, eq=False)
class Splits(Generic[Samples]):
    """The three splits of a data set.

    Attributes:
        train: samples to train on.
        validation: samples to choose the best epoch by.
        test: samples never looked at in training.
        identity: provenance that JSON can hold: settings, files and their sha256, whatever there is.
    """

    train: Samples
    validation: Samples
    test: Samples
    identity: dict[str, Any]


def file_identity(path: str | Path) -> dict[str, str]:
    """Name and sha256 of a file, for `Splits.identity`."""
    with open(path, "rb") as file:
        return {"name": Path(path).name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
