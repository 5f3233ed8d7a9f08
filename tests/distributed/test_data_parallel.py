"""Several processes that train together do what one does: the same losses, gradients and metrics."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from distributed import small_task
from geometric_hyena.errors import InputError
from geometric_hyena.training import ranks
from geometric_hyena.training.losses import MeanColumnRMSE, MeanSquaredError
from geometric_hyena.training.sharing import Shares
from training import small_rna
from training.small_runs import NETWORK, ghyena, train_words

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("processes")
    results = [folder / f"{rank}.pt" for rank in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, small_task.__file__, str(rank), "2", folder / "store", results[rank]]
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    return [torch.load(path) for path in results]


@pytest.mark.parametrize("name", small_task.CASES)
def test_two_processes_take_the_steps_of_one(found, name):
    steps, predictions = small_task.outcome(*small_task.CASES[name])
    for each in found:
        together, predicted = each[name]
        torch.testing.assert_close(together, steps, rtol=1e-12, atol=1e-12)
        assert torch.equal(predicted, predictions)  # whole batches are dealt out


def test_what_fails_in_one_process_ends_all_and_the_first_says_why(found):
    first, other = (each["failures"] for each in found)
    assert first[0] == "InputError: no such file"
    assert first[1] == "GHyenaError: process 1 of 2: no such file"
    assert all(text.startswith("FailedElsewhereError: process ") for text in other)


def test_the_first_process_tells_the_others(found):
    assert [each["from first"] for each in found] == ["told by 0"] * 2


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_batch_is_dealt_out_once(count):
    parts = [list(Shares(range(11), 4, rank, count)) for rank in range(count)]
    assert [len(part) for part in parts] == [3] * count
    for number, batch in enumerate([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]):
        assert sorted(i for part in parts for i in part[number]) == batch


@pytest.mark.parametrize("loss", [MeanSquaredError(), MeanColumnRMSE()])
def test_sums_of_parts_give_the_loss_of_the_whole(loss):
    prediction, target = torch.randn(2, 10, 3, dtype=torch.float64)
    parts = [loss.sums(prediction[part], target[part]) for part in (slice(3), slice(3, 10))]
    torch.testing.assert_close(loss.of(parts[0] + parts[1]), loss.of(loss.sums(prediction, target)))


def test_the_squared_loss_is_that_of_torch():
    prediction, target = torch.randn(2, 10, 3)
    loss = MeanSquaredError()
    expected = torch.nn.functional.mse_loss(prediction, target)
    torch.testing.assert_close(loss.of(loss.sums(prediction, target)), expected)


def test_several_nodes_have_to_be_started(monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="nodes: this is one node of 2; start the command on all of them"):
        ranks.launch("cpu", 2, 2)


def test_what_torchrun_started_must_be_asked_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert ghyena(*train_words(tmp_path / "run", "--devices", "3")) == 2
    assert "torchrun started 2 processes, and 3 x 1 are asked for" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["devices", "nodes"])
def test_there_is_at_least_one_process(tmp_path, capsys, option):
    assert ghyena(*train_words(tmp_path / "run", f"--{option}", "0")) == 2
    assert f"{option}: expected at least 1, got 0" in capsys.readouterr().err


# --- whole trainings by the command line ---

SMALL = ("--batch_size", "3", "--threads", "1", "--accelerator", "cpu")


def start(command, *words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*command, *words], capture_output=True, text=True, env=environment, timeout=900)


def results(run: Path):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((run / "summary.json").read_text())
    kept = [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
    return kept, summary["test"], summary["validation"], load_file(run / "model.safetensors")


def assert_alike(run, other):
    for ours, theirs in zip(results(run), results(other), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True)
    assert {p.name for p in run.rglob("*")} == {p.name for p in other.rglob("*")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A training in one process, with batches that two cannot share evenly."""
    pytest.importorskip("MDAnalysisTests")
    run = tmp_path_factory.mktemp("alone") / "run"
    assert ghyena(*train_words(run, *SMALL, stride=8)) == 0
    return run


@pytest.mark.slow
@pytest.mark.parametrize("starter", [TORCHRUN, [sys.executable]], ids=["torchrun", "lightning"])
def test_two_processes_train_what_one_trains(alone, tmp_path, starter):
    words = train_words(tmp_path / "run", *SMALL, "--devices", "2", stride=8)
    done = start([*starter, "-m", "geometric_hyena.cli"], *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("test MSE") == 1  # the first process alone speaks
    assert done.stderr.count("epoch 2/2") == 1
    assert "Warning" not in done.stderr
    assert_alike(tmp_path / "run", alone)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["rna", "recall", "nbody"])
def test_every_recipe_ends_with_the_metrics_of_one_process(tmp_path, monkeypatch, recipe):
    """RNA's metrics are of columns; its validation molecules are fewer than the processes.

    Without dropout: processes leave out different units.
    """
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path / "cache"))
    if recipe == "rna":
        labels = small_rna.nucleotide_table(tmp_path / "labels.csv")
        given = ("--labels", str(labels), *small_rna.COMMON, "--dropout", "0")
    else:
        nbody = "--data.start", "0", "--data.lag", "100", "--dropout", "0"
        data = {"recall": ("--length", "8"), "nbody": nbody}[recipe]
        sizes = ("--data.train", "20", "--data.validation", "5", "--data.test", "5")
        given = (*sizes, *data, "--epochs", "2", "--threads", "1", "--accelerator", "cpu", *NETWORK)
    words = ["train", recipe, *given, "--batch_size", "3"]
    assert ghyena(*words, "--out", tmp_path / "one") == 0
    together = [*words, "--devices", "2", "--out", str(tmp_path / "two")]
    done = start([*TORCHRUN, "-m", "geometric_hyena.cli"], *together)
    assert done.returncode == 0, done.stderr
    assert_alike(tmp_path / "two", tmp_path / "one")


@pytest.mark.slow
def test_where_a_process_dies_the_others_end(tmp_path):
    """The first is told to go on by --resume; nobody waits for ever."""
    words = train_words(tmp_path / "run", *SMALL, "--devices", "2", epochs=1000, stride=8)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    environment |= {"MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}
    command = [sys.executable, "-m", "geometric_hyena.cli", *words]
    processes = [
        subprocess.Popen(
            command,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    started = time.monotonic()
    while not (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file():
        assert time.monotonic() - started < 600
        assert [process.poll() for process in processes] == [None, None]
        time.sleep(0.1)
    processes[1].kill()
    processes[1].communicate()
    told = processes[0].communicate(timeout=120)[1]
    assert processes[0].returncode == 2
    assert "another process ended before its time" in told
    assert "--resume" in told
    assert "Traceback" not in told


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


@pytest.mark.slow
def test_two_processes_resume(alone, tmp_path):
    run = tmp_path / "run"
    words = train_words(run, *SMALL, "--devices", "2", stride=8)
    assert start([*TORCHRUN, "-m", "geometric_hyena.cli"], *words).returncode == 0
    for name in ("summary.json", "report.html", "model.safetensors"):
        (run / name).unlink()
    done = start([*TORCHRUN, "-m", "geometric_hyena.cli"], "train", "--resume", str(run))
    assert done.returncode == 0, done.stderr
    assert_alike(run, alone)


@pytest.mark.slow
def test_bad_data_end_two_processes_with_one_message(tmp_path):
    words = train_words(tmp_path / "run", *SMALL, "--devices", "2", "--data.lag", "100000")
    done = start([sys.executable, "-m", "geometric_hyena.cli"], *words)
    assert done.returncode == 2
    assert done.stderr.count("ghyena: ") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
