"""SIGKILL at any moment, and a training that goes on to the weights of one that was not killed.

The trainings are forked from a process that has imported everything: what is waited for is their own work.
"""

import multiprocessing
import random
import time

import pytest

from geometric_hyena.cli import main
from training.small_recall import check_goes_on, files_of, recall_words, rows_of, trained_recall
from training.small_runs import ghyena


@pytest.fixture(scope="module")
def start():
    """Starts a training into a directory, in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["geometric_hyena.training.recall", "geometric_hyena.training.train"])

    def run(out):
        process = context.Process(target=main, args=(recall_words(out),))
        process.start()
        return process

    return run


@pytest.fixture(scope="module")
def uninterrupted(start, tmp_path_factory):
    """A finished run, and the seconds that it took; read only."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    start(folder / "first").join()  # the server has to start
    started = time.monotonic()
    process = start(folder / "run")
    process.join()
    assert process.exitcode == 0
    return folder / "run", time.monotonic() - started


def go_on(run, uninterrupted) -> None:
    """What the messages say: train anew what never began, resume what did."""
    if not (run / "config.yaml").exists():
        if run.exists():
            assert ghyena("train", "--resume", run) == 2
        trained_recall(run)
    elif not (run / "summary.json").exists():
        check_goes_on(run, uninterrupted)
    assert (run / "model.safetensors").read_bytes() == (uninterrupted / "model.safetensors").read_bytes()
    assert rows_of(run) == rows_of(uninterrupted)
    # One that had written everything may have been killed before it removed its lock.
    assert files_of(run) - {"run.lock"} == files_of(uninterrupted)


def kill_at_random(start, uninterrupted, run, seed):
    expected, seconds = uninterrupted
    process = start(run)
    time.sleep(random.Random(seed).random() * seconds)
    process.kill()
    process.join()
    go_on(run, expected)


@pytest.mark.parametrize("seed", range(2))
def test_at_a_random_moment(start, uninterrupted, tmp_path, seed):
    kill_at_random(start, uninterrupted, tmp_path / "run", seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 22))
def test_at_many_random_moments(start, uninterrupted, tmp_path, seed):
    kill_at_random(start, uninterrupted, tmp_path / "run", seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "run.lock",
        "checkpoints",
        "environment.json",
        "config.yaml",
        "checkpoints/last.ckpt.partial",
        "checkpoints/best.ckpt",
        "model.safetensors",
        "report.html",
    ],
)
def test_as_soon_as_there_is(start, uninterrupted, tmp_path, name):
    """Killed while the run is made, between two files of an epoch, and while it is finished."""
    run = tmp_path / "run"
    process = start(run)
    while process.is_alive() and not (run / name).exists():
        time.sleep(1e-4)
    process.kill()
    process.join()
    go_on(run, uninterrupted[0])
