"""Trainings of a tenth of a second, for tests that break one off at some place and go on with it."""

import json
from pathlib import Path

from training.small_runs import NETWORK, ghyena

EPOCHS = 3
BATCHES = 4  # in an epoch
DATA = ("--data.train", "16", "--data.validation", "4", "--data.test", "4", "--length", "6")


def recall_words(out) -> list[str]:
    """The command of a training of three epochs of four batches."""
    words = ["train", "recall", "--out", str(out), "--epochs", str(EPOCHS), "--batch_size", "4"]
    return [*words, "--threads", "1", "--accelerator", "cpu", *NETWORK, *DATA]


def trained_recall(out) -> Path:
    """A finished run."""
    assert ghyena(*recall_words(out)) == 0
    return Path(out)


def rows_of(run) -> list[dict]:
    """Rows of metrics.jsonl without what the clock said."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def files_of(run) -> set[str]:
    """Paths in a run directory."""
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


def check_goes_on(run, uninterrupted) -> None:
    """Resume a run, and compare it with one that was never broken off."""
    assert ghyena("train", "--resume", run) == 0
    assert (run / "model.safetensors").read_bytes() == (uninterrupted / "model.safetensors").read_bytes()
    assert rows_of(run) == rows_of(uninterrupted)
    assert files_of(run) == files_of(uninterrupted)
