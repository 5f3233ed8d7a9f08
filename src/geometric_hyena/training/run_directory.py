"""A run directory: what was asked, what was learned, how well it did, and where it came from.

config.yaml        the resolved configuration
environment.json   command, commit, versions, hardware
metrics.jsonl      one line an epoch
checkpoints/       last.ckpt and best.ckpt, to resume from
model.safetensors  the best weights
summary.json       metrics of the model and of every trivial baseline
report.html        the same, to look at
"""

import dataclasses
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError


class RunDirectory:
    """Paths and small files of one run. Every file is replaced as a whole, never left half-written."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.environment = self.path / "environment.json"
        self.metrics = self.path / "metrics.jsonl"
        self.last = self.path / "checkpoints" / "last.ckpt"
        self.best = self.path / "checkpoints" / "best.ckpt"
        self.weights = self.path / "model.safetensors"
        self.summary = self.path / "summary.json"
        self.report = self.path / "report.html"

    def check_new(self) -> None:
        """Raise InputError where something stands already: a run is never overwritten."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            resume = f", or go on with that run by ghyena train --resume {self.path}"
            raise InputError(
                f"{self.path}: exists already; give another directory with --out"
                f"{resume if self.config.is_file() else ''}"
            )

    def check_trained(self) -> None:
        """Raise InputError unless the directory holds a finished run."""
        if not self.config.is_file():
            raise InputError(f"{self.path}: is no run directory (it has no config.yaml)")
        if not self.weights.is_file():
            raise InputError(
                f"{self.path}: training has not finished; go on with ghyena train --resume {self.path}"
            )

    def create(self, recipe: str, config: Any, command: str) -> None:
        """Make the directory with its environment and configuration; the latter, last, makes it a run."""
        make_folder(self.last.parent)
        write_json(self.environment, {"command": command, **environment()})
        self.write_config(recipe, config)

    def write_config(self, recipe: str, config: Any) -> None:
        """Write the resolved configuration, every field of it."""
        import yaml

        values = {"recipe": recipe, **dataclasses.asdict(config)}
        replace_text(self.config, yaml.safe_dump(values, sort_keys=False))

    def read_config(self) -> tuple[str, dict[str, Any]]:
        """Recipe name and configuration values.

        Raises:
            InputError: where there is no readable configuration.
        """
        import yaml

        try:
            values = yaml.safe_load(self.config.read_text())
            return str(values.pop("recipe")), values
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{self.path}: is no run directory (it has no config.yaml)") from None
        except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.config}: is no configuration of a run; restore it from a copy"
            ) from error

    def read_history(self) -> list[dict[str, float]]:
        """Rows of metrics.jsonl, one an epoch."""
        if not self.metrics.is_file():
            return []
        try:
            return [json.loads(line) for line in self.metrics.read_text().splitlines() if line.strip()]
        except ValueError as error:
            raise InputError(f"{self.metrics}: has a broken line; mend or delete the file") from error

    def write_history(self, rows: list[dict[str, float]]) -> None:
        """Write all rows of metrics.jsonl."""
        replace_text(self.metrics, "".join(json.dumps(row) + "\n" for row in rows))


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        InputError: where that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be made ({error.strerror}); give another directory with --out"
        ) from error


def replace_text(path: Path, text: str) -> None:
    """Write a file as a whole: a reader sees the old text or the new, whatever happens."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    os.replace(partial, path)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    replace_text(path, json.dumps(value, indent=2) + "\n")


def environment() -> dict[str, Any]:
    """Versions, hardware and commit that a result came from."""
    import torch

    from geometric_hyena.version import __version__

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "geometric_hyena": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_cores": os.cpu_count(),
        "gpu": device,
    }


def command_line() -> str:
    """The command that is running, as one would type it."""
    return " ".join(["ghyena", *sys.argv[1:]])


def _commit() -> str | None:
    """Commit of the source tree this package is run from, marked where files were changed; None elsewhere."""
    folder = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None if described.returncode == 0 else None
