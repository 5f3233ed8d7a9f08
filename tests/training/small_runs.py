"""Small real trainings on adenylate kinase, each done once in a test session and shared by its tests.

Shared runs are read only: a test that changes one changes a copy.
"""

import functools
import json
import math
from pathlib import Path

import pytest
import torch

from geometric_hyena.cli import main

SELECTION = "name CA and resid 1:60"
NETWORK = ("--network.blocks", "1", "--network.hidden_dim", "8", "--network.vector_channels", "2")


def train_words(out, *more, epochs=2, stride=4, seed=0) -> list[str]:
    """The command of a training of a second or two."""
    words = ["train", "protein-md", "--out", str(out), "--threads", "1", "--accelerator", "cpu"]
    words += ["--epochs", str(epochs), "--seed", str(seed), *NETWORK]
    return [*words, "--data.selection", SELECTION, "--data.stride", str(stride), *more]


def ghyena(*words) -> int:
    """The command line in this process; the number of threads stays what it was for other tests."""
    threads = torch.get_num_threads()
    try:
        return main([str(word) for word in words])
    finally:
        torch.set_num_threads(threads)


def trained(out, *more, **options) -> Path:
    """A finished run."""
    assert ghyena(*train_words(out, *more, **options)) == 0
    return Path(out)


@functools.cache
def moving_run(root: Path) -> Path:
    """Trained with velocities."""
    return trained(root / "shared-moving")


@functools.cache
def still_run(root: Path) -> Path:
    """Trained without velocities."""
    return trained(root / "shared-still", "--data.velocities", "false")


def check_interruption_changes_nothing(monkeypatch, folder, command) -> None:
    """A training stopped as by Ctrl-C after its second epoch and resumed has the weights of one that was not.

    `command` gives the words of a training of more epochs into a directory.
    """
    from geometric_hyena.training.callbacks import Checkpoints  # it brings Lightning, and conftest this file

    whole, cut = folder / "whole", folder / "cut"
    assert ghyena(*command(whole)) == 0
    saved = Checkpoints.on_train_epoch_end

    def save_and_stop(self, trainer, module):
        saved(self, trainer, module)
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "on_train_epoch_end", save_and_stop)
        with pytest.raises(SystemExit):
            ghyena(*command(cut))
    assert not (cut / "summary.json").exists()
    assert ghyena("train", "--resume", cut) == 0
    assert (cut / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def check_read_again(run, model, metric, capsys) -> None:
    """The run's model has a finite error in the test, and `ghyena evaluate` says the same."""
    summary = json.loads((run / "summary.json").read_text())
    assert summary["model"] == model
    before = summary["test"]["model"][metric]
    assert math.isfinite(before)
    capsys.readouterr()
    assert ghyena("evaluate", run) == 0
    assert f"{before:.4f}" in capsys.readouterr().out
