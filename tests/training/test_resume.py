"""A training that is killed and resumed ends with the weights of one that was not."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import pytest

from training.small_runs import ghyena, train_words, trained

EPOCHS = 6


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    pytest.importorskip("MDAnalysisTests")
    return trained(tmp_path_factory.mktemp("uninterrupted") / "run", epochs=EPOCHS)


def rows_of(run) -> list[dict]:
    """Rows of metrics.jsonl without what the clock said."""
    if not (run / "metrics.jsonl").is_file():
        return []
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def train_and_kill(run, is_time):
    """Start a training in a process of its own and end it by SIGKILL as soon as `is_time()`."""
    log = run.with_suffix(".log")
    with open(log, "wb") as file:
        command = [sys.executable, "-m", "geometric_hyena.cli", *train_words(run, epochs=EPOCHS)]
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        try:
            started = time.monotonic()
            while not is_time():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() - started < 300, log.read_text()
                time.sleep(0.002)
        finally:
            process.kill()
            process.wait()
    assert not (run / "summary.json").exists()


def check_resumed(run, uninterrupted):
    assert ghyena("train", "--resume", run) == 0
    assert (run / "model.safetensors").read_bytes() == (uninterrupted / "model.safetensors").read_bytes()
    assert rows_of(run) == rows_of(uninterrupted)
    assert len(rows_of(run)) == EPOCHS
    ended, expected = (json.loads((path / "summary.json").read_text()) for path in (run, uninterrupted))
    for key in ("test", "validation", "best_epoch", "best_val_loss", "parameters", "data"):
        assert ended[key] == expected[key]
    names = {path.relative_to(run) for path in run.rglob("*")}
    assert names == {path.relative_to(uninterrupted) for path in uninterrupted.rglob("*")}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run killed after two or three of its epochs; read only."""
    run = tmp_path_factory.mktemp("killed") / "run"
    train_and_kill(run, lambda: len(rows_of(run)) >= 2)
    assert 2 <= len(rows_of(run)) < EPOCHS
    assert not (run / "model.safetensors").exists()
    return run


def test_killed_between_epochs(killed, uninterrupted, tmp_path):
    check_resumed(shutil.copytree(killed, tmp_path / "run"), uninterrupted)


def test_killed_before_the_first_checkpoint(uninterrupted, tmp_path):
    run = tmp_path / "run"
    train_and_kill(run, (run / "config.yaml").is_file)
    assert not (run / "checkpoints" / "last.ckpt").exists()
    check_resumed(run, uninterrupted)


def kill_mid_epoch(run, seed):
    """Kill at a random part of the time that a random epoch but the last takes."""
    chance = random.Random(seed)
    epoch, part = chance.randrange(EPOCHS - 1), chance.random()
    due = []

    def is_time():
        if not due and (run / "config.yaml").is_file() and len(rows_of(run)) >= epoch:
            due.append(time.monotonic() + part * 0.3)
        return bool(due) and time.monotonic() >= due[0]

    train_and_kill(run, is_time)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_a_random_moment(uninterrupted, tmp_path, seed):
    kill_mid_epoch(tmp_path / "run", seed)
    check_resumed(tmp_path / "run", uninterrupted)


@pytest.mark.parametrize("gone", [("summary.json",), ("summary.json", "report.html", "model.safetensors")])
def test_killed_after_the_last_epoch(uninterrupted, tmp_path, gone):
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    for name in gone:
        (run / name).unlink()
    check_resumed(run, uninterrupted)


def test_killed_between_the_writes_of_an_epoch(killed, uninterrupted, tmp_path):
    """best.ckpt and metrics.jsonl are ahead of last.ckpt, and half-written files lie about."""
    short = shutil.copytree(killed, tmp_path / "run")
    for name in ("checkpoints/best.ckpt", "metrics.jsonl"):
        shutil.copyfile(uninterrupted / name, short / name)
    for name in ("checkpoints/last.ckpt", "checkpoints/best.ckpt", "metrics.jsonl", "model.safetensors"):
        (short / f"{name}.partial").write_bytes(b"half")
    check_resumed(short, uninterrupted)


def test_a_moved_run_is_resumed_where_it_is(uninterrupted, tmp_path):
    run = shutil.copytree(uninterrupted, tmp_path / "elsewhere")
    (run / "summary.json").unlink()
    before = (uninterrupted / "summary.json").read_bytes()
    check_resumed(run, uninterrupted)
    assert (uninterrupted / "summary.json").read_bytes() == before


def test_other_data_than_a_run_began_with_are_refused(uninterrupted, tmp_path, capsys):
    """As if the trajectory had been another one then."""
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    (run / "summary.json").unlink()
    environment = json.loads((run / "environment.json").read_text())
    environment["data_sha256"][0] = "0" * 64
    (run / "environment.json").write_text(json.dumps(environment))
    weights = (run / "model.safetensors").read_bytes()
    assert ghyena("train", "--resume", run) == 2
    assert f"{run}: its data are not those with which it began" in capsys.readouterr().err
    assert (run / "model.safetensors").read_bytes() == weights
    assert not (run / "summary.json").exists()
