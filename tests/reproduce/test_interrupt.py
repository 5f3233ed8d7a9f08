"""Asked to stop, `ghyena reproduce` ends its runs and what they started; workers share the GPUs."""

import os
import shutil
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest

from geometric_hyena.reproduce import runner
from geometric_hyena.reproduce.interrupt import all_like_ctrl_c, noted_interrupts
from geometric_hyena.reproduce.runner import run_jobs

pytestmark = pytest.mark.usefixtures("heard_signals")


def job(cost=1.0, name="cell"):
    cell = SimpleNamespace(cost=cost, name=name, model="egnn", setting=1, seed=0)
    return SimpleNamespace(cell=cell, ended=False, done=0.0, log=None)


def gone(group):
    """Whether no process of a group is left, dead ones that nobody has waited for aside."""
    for _ in range(100):
        listed = subprocess.run(
            ["ps", "-o", "stat=", "--sid", str(group)], capture_output=True, text=True
        ).stdout.split()
        if all(state.startswith("Z") for state in listed):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(shutil.which("ps") is None, reason="lists processes by ps")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_runs_and_their_children(number, monkeypatch, capsys):
    processes = []

    def start(job, threads, device):
        processes.append(subprocess.Popen(["sh", "-c", "sleep 300 & wait"], start_new_session=True))
        return processes[-1]

    monkeypatch.setattr(runner, "start", start)
    monkeypatch.setattr(runner, "_LOOK_EVERY", 0.05)
    before = signal.getsignal(number)
    threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job(), job(), job()], workers=2, threads=1)
    assert len(processes) == 2
    assert all(process.poll() is not None and gone(process.pid) for process in processes)
    assert signal.getsignal(number) is before
    assert "stopped with 0 of 3 runs ended; the same command goes on" in capsys.readouterr().err


def test_a_run_that_does_not_listen_is_killed(monkeypatch):
    def start(job, threads, device):
        return subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 300"], start_new_session=True)

    monkeypatch.setattr(runner, "start", start)
    monkeypatch.setattr(runner, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(runner, "_PATIENCE", 0.2)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job()], workers=1, threads=1)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_elsewhere_every_signal_is_like_ctrl_c(number):
    def asked_to_stop():
        with all_like_ctrl_c():
            os.kill(os.getpid(), number)
            time.sleep(5)

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        asked_to_stop()
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with noted_interrupts() as asked:
            os.kill(os.getpid(), signal.SIGINT)
            assert not asked()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("devices", "seen"), [([], {None}), (["0"], {None}), (["2", "5"], {"2", "5"})])
def test_workers_share_the_gpus_and_cheap_runs_can_go_first(devices, seen, monkeypatch, tmp_path):
    given, order = [], []

    def start(job, threads, device):
        given.append(device)
        order.append(job.cell.cost)
        job.ended = True
        return SimpleNamespace(poll=lambda: 0)

    monkeypatch.setattr(runner, "start", start)
    monkeypatch.setattr(runner, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(runner, "visible_gpus", lambda: devices)
    run_jobs([job(cost) for cost in (2.0, 3.0, 1.0)], workers=4, threads=1)
    assert set(given) == seen
    assert order == [3.0, 2.0, 1.0]
    order.clear()
    run_jobs([job(cost) for cost in (2.0, 3.0, 1.0)], workers=1, threads=1, cheapest_first=True)
    assert order == [1.0, 2.0, 3.0]


def test_gpus_are_those_that_this_process_sees(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert runner.visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-7")
    assert runner.visible_gpus() == ["3", "GPU-7"]
