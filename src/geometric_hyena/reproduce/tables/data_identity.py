"""Which data a run saw, in the words of a table: file, checksum, sizes of the splits, structures."""

from collections.abc import Mapping
from typing import Any

_DIGITS = 16  # of a checksum; the result has all of it


def data_row(identity: Mapping[str, Any]) -> list[str]:
    """Source, checksum, sizes of the splits and structures of a run's data."""
    if "trajectories" in identity:
        return _trajectories(identity)
    if "file" not in identity:
        return ["generated", "–", _sizes(identity), "–"]
    split = identity["split"]
    return [
        identity["file"]["name"],
        identity["file"]["sha256"][:_DIGITS],
        f"{_sizes(split)} molecules, {_KINDS[split['kind']]}",
        f"{identity['structures']}; {identity['representation']}",
    ]


_KINDS = {
    "random": "random split",
    "cluster": "split by sequence cluster",
    "own": "the data set's own split",
}


def _trajectories(identity: Mapping[str, Any]) -> list[str]:
    files = [file for trajectory in identity["trajectories"] for file in trajectory["files"]]
    counts = {name: part["samples"] for name, part in identity["splits"].items()}
    kind = "trajectories apart" if len(identity["trajectories"]) > 1 else "contiguous in time"
    return [
        ", ".join(file["name"] for file in files),
        ", ".join(file["sha256"][:_DIGITS] for file in files),
        f"{_sizes(counts)} frames, {kind}",
        f"frames of the trajectory; {identity['atoms']} atoms ({identity['selection']}), "
        f"{identity['lag']} frames ahead",
    ]


def _sizes(counts: Mapping[str, Any]) -> str:
    return " / ".join(str(counts[name]) for name in ("train", "validation", "test"))
