"""What happens to trainings: interruptions, full disks, read-only folders, losses that are no numbers.

Each ends in one line, with a run directory that can be read and goes on to the weights it would have had.
"""

import errno
import os
import resource
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from geometric_hyena import files
from geometric_hyena.errors import GHyenaError
from geometric_hyena.training.nonfinite import check_finite
from geometric_hyena.training.recall import RecallTask
from training.small_recall import (
    BATCHES,
    EPOCHS,
    check_goes_on,
    files_of,
    recall_words,
    rows_of,
    trained_recall,
)
from training.small_runs import ghyena

NOBODY = 65534


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A finished run; read only."""
    return trained_recall(tmp_path_factory.mktemp("uninterrupted") / "run")


@pytest.fixture
def ends(capsys):
    """Run words that end with a code; returns the one line said of them, below those of the epochs."""

    def run(code, *words) -> str:
        capsys.readouterr()
        assert ghyena(*words) == code
        shown = capsys.readouterr()
        assert shown.out == ""
        lines = [line for line in shown.err.splitlines() if not line.startswith("epoch ")]
        assert len(lines) == 1, shown.err
        assert lines[0].startswith("ghyena: ")
        return lines[0]

    return run


@contextmanager
def at_loss(call, change):
    """The `call`-th batch's part of a loss, from 0, is changed: `change` gets it and the prediction."""
    criterion = type(RecallTask.criterion)
    compute, count = criterion.sums, [0]

    def changed(self, prediction, target):
        sums = compute(self, prediction, target)
        count[0] += 1
        return change(sums, prediction) if count[0] == call + 1 else sums

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(criterion, "sums", changed)
        yield


# Losses of an epoch: those of its batches, and one of the validation.
SECOND_EPOCH = BATCHES + 1


class TestNumbersThatAreNone:
    def test_a_loss(self, ends, uninterrupted, tmp_path):
        run = tmp_path / "run"
        with at_loss(SECOND_EPOCH + 2, lambda loss, _: loss * float("nan")):
            said = ends(2, *recall_words(run))
        assert f"the loss became nan at step {BATCHES + 3}: epoch 2 of {EPOCHS}, batch 3; " in said
        assert f"{run / 'checkpoints' / 'last.ckpt'} keeps the epoch before" in said
        assert "learning_rate" in said
        check_goes_on(run, uninterrupted)

    def test_a_gradient_where_the_loss_is_finite(self, ends, uninterrupted, tmp_path):
        with at_loss(SECOND_EPOCH, lambda loss, prediction: loss + (0 * prediction.sum()).sqrt()):
            said = ends(2, *recall_words(tmp_path / "run"))
        assert f"the gradient became nan at step {BATCHES + 1}: epoch 2 of {EPOCHS}, batch 1; " in said
        check_goes_on(tmp_path / "run", uninterrupted)

    def test_a_gradient_that_is_not_clipped(self, ends, tmp_path):
        with at_loss(1, lambda loss, prediction: loss + (0 * prediction.sum()).sqrt()):
            said = ends(2, *recall_words(tmp_path / "run"), "--optimizer.clip", "0")
        assert f"the gradient became nan at step 2: epoch 1 of {EPOCHS}, batch 2; no epoch had ended" in said

    def test_a_validation_loss(self, ends, uninterrupted, tmp_path):
        with at_loss(BATCHES, lambda loss, _: loss / 0):
            said = ends(2, *recall_words(tmp_path / "run"))
        assert f"the validation loss became inf after step {BATCHES}: epoch 1 of {EPOCHS}, batch 1" in said
        assert files_of(tmp_path / "run") == {"config.yaml", "environment.json", "metrics.jsonl"}
        check_goes_on(tmp_path / "run", uninterrupted)

    def test_samples_are_named_where_they_have_names(self, tmp_path):
        trainer = SimpleNamespace(
            default_root_dir=tmp_path, global_step=7, current_epoch=1, max_epochs=4, validating=False
        )
        names = [f"frame {number}" for number in range(6)]
        values = {"the loss": torch.tensor(torch.nan)}
        with pytest.raises(GHyenaError, match=r"batch 3 \(frame 0, frame 1, frame 2, frame 3 and 2 more\); "):
            check_finite(values, SimpleNamespace(trainer=trainer), 2, names)


@pytest.mark.usefixtures("heard_signals")
class TestSignals:
    @pytest.mark.parametrize(
        ("number", "code", "call"), [(signal.SIGTERM, 143, SECOND_EPOCH + 1), (signal.SIGINT, 130, 1)]
    )
    def test_an_interruption_says_how_to_go_on(self, ends, uninterrupted, tmp_path, number, code, call):
        run = tmp_path / "run"
        before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]

        def interrupt(loss, prediction):
            os.kill(os.getpid(), number)
            return loss

        with at_loss(call, interrupt):
            said = ends(code, *recall_words(run))
        assert said == f"ghyena: interrupted by {number.name}; go on with ghyena train --resume {run}"
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
        assert not (run / "run.lock").exists()
        check_goes_on(run, uninterrupted)

    @pytest.mark.slow
    def test_while_the_report_is_written(self, ends, uninterrupted, tmp_path):
        run = shutil.copytree(uninterrupted, tmp_path / "run")
        for name in ("summary.json", "report.html", "model.safetensors"):
            (run / name).unlink()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("geometric_hyena.training.train.write_json", lambda *_: os.kill(os.getpid(), 15))
            ends(143, "train", "--resume", run)
        check_goes_on(run, uninterrupted)


class TestDisks:
    @contextmanager
    def file_size_limit(self, size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def test_no_room_to_begin_leaves_nothing(self, ends, tmp_path):
        with self.file_size_limit(100):
            said = ends(2, *recall_words(tmp_path / "run"))
        assert "environment.json: cannot be written (File too large); make room there" in said
        assert list(tmp_path.iterdir()) == []

    def test_no_room_for_a_checkpoint(self, ends, uninterrupted, tmp_path):
        run = tmp_path / "run"
        with self.file_size_limit(8000):
            said = ends(2, *recall_words(run))
        assert "last.ckpt: cannot be written (File too large)" in said
        assert said.endswith(f"; then go on with ghyena train --resume {run}")
        assert files_of(run) == {"config.yaml", "environment.json", "metrics.jsonl"}
        check_goes_on(run, uninterrupted)

    @pytest.mark.parametrize(
        ("name", "time"),
        [
            ("last.ckpt", 2),
            pytest.param("best.ckpt", 1, marks=pytest.mark.slow),
            ("summary.json", 1),
            pytest.param("metrics.jsonl", 2, marks=pytest.mark.slow),
            pytest.param("model.safetensors", 1, marks=pytest.mark.slow),
            pytest.param("report.html", 1, marks=pytest.mark.slow),
        ],
    )
    def test_a_disk_that_fills_up(self, ends, uninterrupted, tmp_path, monkeypatch, name, time):
        """At the `time`-th writing of a file."""
        run, replace, left = tmp_path / "run", os.replace, [time]

        def full(source, target):
            left[0] -= Path(target).name == name
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(files.os, "replace", full)
            said = ends(2, *recall_words(run))
        assert f"{name}: cannot be written (No space left on device); make room there" in said
        assert said.endswith(f"; then go on with ghyena train --resume {run}")
        assert not any("partial" in file or "lock" in file for file in files_of(run))
        check_goes_on(run, uninterrupted)

    @pytest.fixture
    def read_only(self, uninterrupted):
        """A folder with an unfinished run, neither of which can be written."""
        folder = Path(tempfile.mkdtemp())  # pytest's own are closed to other users
        run = shutil.copytree(uninterrupted, folder / "run")
        (run / "summary.json").unlink()
        for path in (run / "checkpoints", run, folder):
            path.chmod(0o555)
        privileged = os.geteuid() == 0
        if privileged:  # root may write all the same
            os.seteuid(NOBODY)
        yield folder
        if privileged:
            os.seteuid(0)
        for path in (folder, run, run / "checkpoints"):
            path.chmod(0o755)
        shutil.rmtree(folder)

    def test_a_folder_that_cannot_be_written(self, ends, read_only):
        before = files_of(read_only)
        said = ends(2, "train", "--resume", read_only / "run")
        assert "run.lock: cannot be written (Permission denied); make its folder writable" in said
        assert "new: cannot be made (Permission denied)" in ends(2, *recall_words(read_only / "new"))
        assert files_of(read_only) == before
        assert ghyena("evaluate", read_only / "run") == 0
        assert len(rows_of(read_only / "run")) == EPOCHS
