"""One process at a time trains in a run directory; one that never began leaves nothing in the way."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from geometric_hyena.errors import InputError
from geometric_hyena.training import lock
from geometric_hyena.training.lock import locked
from geometric_hyena.training.run_directory import RunDirectory
from training.small_recall import check_goes_on, files_of, recall_words, trained_recall
from training.small_runs import ghyena

HOLD = """
import sys, time
from geometric_hyena.training.lock import locked
from geometric_hyena.training.run_directory import RunDirectory
with locked(RunDirectory(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A finished run; read only."""
    return trained_recall(tmp_path_factory.mktemp("uninterrupted") / "run")


@pytest.fixture
def unfinished(uninterrupted, tmp_path):
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    (run / "summary.json").unlink()
    return run


def test_the_second_is_refused_until_the_first_is_killed(unfinished, uninterrupted, capsys):
    command = [sys.executable, "-c", HOLD, str(unfinished)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        before = files_of(unfinished)
        assert ghyena("train", "--resume", unfinished) == 2
        said = capsys.readouterr().err
        assert f"{unfinished}: process {holder.pid} on {socket.gethostname()} is training in it; wait" in said
        assert said.count("\n") == 1
        assert files_of(unfinished) == before
    finally:
        holder.kill()
        holder.communicate()
    assert (unfinished / "run.lock").exists()
    check_goes_on(unfinished, uninterrupted)


def test_two_into_one_new_directory(tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    with locked(run):
        assert ghyena(*recall_words(run.path)) == 2
        assert f"process {os.getpid()} on " in capsys.readouterr().err
        assert files_of(run.path) == {"run.lock"}
    assert not run.path.exists()


def test_one_that_was_faster_is_not_overwritten(uninterrupted, tmp_path, capsys, monkeypatch):
    """Both found the directory free; the other had trained there before this one came to make it."""
    run = tmp_path / "run"
    lock_it = lock.locked

    def late(directory):
        shutil.copytree(uninterrupted, run)
        return lock_it(directory)

    monkeypatch.setattr("geometric_hyena.training.train.locked", late)
    assert ghyena(*recall_words(run)) == 2
    assert "exists already" in capsys.readouterr().err
    assert files_of(run) == files_of(uninterrupted)


def test_a_lock_that_was_released_in_between_is_taken_anew(tmp_path, monkeypatch):
    """The holder removes the file after the next one has opened it: a lock on that would be no lock."""
    run, flock, released = RunDirectory(tmp_path), lock._lock, []

    def slow(file, directory):
        if not released:
            released.append(True)
            run.lock.unlink()
        flock(file, directory)

    monkeypatch.setattr(lock, "_lock", slow)
    with locked(run), pytest.raises(InputError, match=f"process {os.getpid()} on "), locked(run):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_trained_on_all_the_same(tmp_path, monkeypatch):
    import errno
    import fcntl

    def missing(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", missing)
    with locked(RunDirectory(tmp_path)), locked(RunDirectory(tmp_path)):
        pass


@pytest.mark.parametrize(
    "left",
    [
        {"run.lock": "process 1 on x\n"},
        {"checkpoints": None, "environment.json.partial": '{"comm'},
        {"checkpoints": None, "environment.json": "{}", "config.yaml.partial": "recipe: re"},
    ],
)
def test_what_was_killed_while_it_was_made_is_made_again(left, uninterrupted, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    for name, content in left.items():
        (run / name).mkdir() if content is None else (run / name).write_text(content)
    assert ghyena("train", "--resume", run) == 2
    assert "never began" in capsys.readouterr().err
    trained_recall(run)
    assert (run / "model.safetensors").read_bytes() == (uninterrupted / "model.safetensors").read_bytes()
    assert files_of(run) == files_of(uninterrupted)
