"""A run directory: what was asked, what was learned, how well it did, and where it came from.

config.yaml        the resolved configuration
environment.json   command, commit, versions, hardware, checksums of the data
metrics.jsonl      one line an epoch
checkpoints/       last.ckpt and best.ckpt, to resume from
model.safetensors  the best weights
summary.json       metrics of the model and of every trivial baseline
report.html        the same, to look at

While a process trains there is `run.lock`, too (lock.py). The configuration is written last: it makes the
directory a run. What a process that was killed before that leaves is nobody's, and is used again.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.provenance import environment


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
        self.lock = self.path / "run.lock"

    @property
    def is_free(self) -> bool:
        """Whether a run can be made here: there is nothing, or what one left that never began."""
        if not self.path.exists():
            return True
        if not self.path.is_dir() or not os.access(self.path, os.R_OK | os.X_OK):
            return False
        beginnings = {self.lock.name, self.environment.name, self.last.parent.name}
        beginnings |= {f"{name}.partial" for name in (self.environment.name, self.config.name)}
        return {entry.name for entry in self.path.iterdir()} <= beginnings and not (
            self.last.parent.is_dir() and any(self.last.parent.iterdir())
        )

    def check_new(self) -> None:
        """Raise InputError where something stands already: a run is never overwritten."""
        if not self.is_free:
            resume = f", or go on with that run by ghyena train --resume {self.path}"
            raise InputError(
                f"{self.path}: exists already; give another directory with --out"
                f"{resume if self.config.is_file() else ''}"
            )

    def check_trained(self) -> None:
        """Raise InputError unless the directory holds a finished run."""
        if not self.config.is_file():
            raise self._no_run()
        if not self.weights.is_file():
            raise InputError(
                f"{self.path}: training has not finished; go on with ghyena train --resume {self.path}"
            )

    def create(self, recipe: str, config: Any, command: str, data_sha256: Sequence[str]) -> None:
        """Make the directory with its environment and configuration; the latter, last, makes it a run."""
        make_folder(self.last.parent)
        try:
            write_json(
                self.environment, {"command": command, **environment(), "data_sha256": list(data_sha256)}
            )
            self.write_config(recipe, config)
        except BaseException:
            with contextlib.suppress(OSError):
                self.environment.unlink(missing_ok=True)
                self.last.parent.rmdir()
            raise

    def write_config(self, recipe: str, config: Any) -> None:
        """Write the resolved configuration, every field of it."""
        write_config(self.config, recipe, config)

    def read_config(self) -> tuple[str, dict[str, Any]]:
        """Recipe name and configuration values.

        Raises:
            InputError: where there is no readable configuration.
        """
        import yaml

        from geometric_hyena.training.yaml_files import check_yaml

        check_yaml(self.config)
        try:
            values = yaml.safe_load(self.config.read_text())
            return str(values.pop("recipe")), values
        except (FileNotFoundError, NotADirectoryError):
            raise self._no_run() from None
        except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.config}: is no configuration of a run; restore it from a copy"
            ) from error

    def _no_run(self) -> InputError:
        if self.path.is_dir() and self.is_free and any(self.path.iterdir()):
            return InputError(f"{self.path}: its run never began; start it again with --out {self.path}")
        return InputError(f"{self.path}: is no run directory (it has no config.yaml)")

    def read_history(self) -> list[dict[str, float]]:
        """Rows of metrics.jsonl, one an epoch."""
        if not self.metrics.is_file():
            return []
        try:
            rows = [json.loads(line) for line in self.metrics.read_text().splitlines() if line.strip()]
            for row in rows:
                int(row["epoch"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"{self.metrics}: has a broken line; mend or delete the file") from error
        return rows

    def read_environment(self) -> dict[str, Any]:
        """What environment.json says.

        Raises:
            InputError: where there is none that can be read.
        """
        try:
            found = json.loads(self.environment.read_text())
            return {"command": str(found["command"]), **found}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"{self.environment}: does not say how the run was made; restore it from a copy"
            ) from error

    def write_history(self, rows: list[dict[str, float]]) -> None:
        """Write all rows of metrics.jsonl."""
        replace_text(self.metrics, "".join(json.dumps(row) + "\n" for row in rows))


def write_config(path: Path, recipe: str, config: Any) -> None:
    """Write a recipe's configuration, every field of it, as a YAML file that `--config` takes."""
    import yaml

    values = {"recipe": recipe, **dataclasses.asdict(config)}
    replace_text(path, yaml.safe_dump(values, sort_keys=False))
