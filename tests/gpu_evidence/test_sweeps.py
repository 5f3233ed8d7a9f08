"""The parts that train hand their time to `ghyena reproduce`, and say how far it got."""

import json
import time
from pathlib import Path

import pytest

from geometric_hyena.gpu_evidence import sweeps
from geometric_hyena.gpu_evidence.options import read_options
from geometric_hyena.gpu_evidence.sweeps import RECALL, TABLE1, TABLE3, run_ghyena

PARTS = ("recall", "table1", "table3")


@pytest.fixture
def options(tmp_path):
    words = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs"), "--data", "elsewhere"]
    return read_options([*words, "--seeds", "1", "--jobs", "3"], PARTS)


def reproduced(monkeypatch, code=0, record=None, said=""):
    """Let a stand-in for `ghyena reproduce` write this record; returns the words it is given."""
    calls = []

    def run(words, seconds):
        calls.append((words, seconds))
        folder = Path(words[words.index("--out") + 1])
        if record is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{words[1]}.json").write_text(json.dumps(record))
            (folder / f"{words[1]}.md").write_text("a page")
        return code, said

    monkeypatch.setattr(sweeps, "run_ghyena", run)
    return calls


def part(ended, unfinished, **failed):
    return {"cells": [{}] * ended, "unfinished": unfinished, "failed": failed, "left_out": {}}


def test_words_and_time(options, monkeypatch):
    calls = reproduced(monkeypatch, record={"reduced": True, **part(2, 1)})
    found = RECALL.run(options, {}, "", time.monotonic() + 500)
    (words, limit) = calls[0]
    assert words[:2] == ["reproduce", "recall-length"]
    said = dict(zip(words[2::2], words[3::2], strict=True))
    assert said["--values"] == "256,512,1024"
    assert (said["--budget"], said["--data"], said["--seeds"], said["--jobs"]) == (
        "paper",
        "elsewhere",
        "1",
        "3",
    )
    assert 430 <= int(said["--seconds"]) <= 440
    assert limit <= 520
    assert found.state == "unfinished"
    assert found.note == "2 runs have ended, 1 wait for the next call, 0 failed"
    assert (options.out / "recall" / "recall-length.md").read_text() == "a page"
    assert (options.out / "recall" / "recall-length.json").is_file()


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        ([part(3, 0), part(3, 0)], "done"),
        ([part(3, 0), part(2, 1)], "unfinished"),
        ([part(3, 0), part(2, 0, egnn="no memory")], "failed"),
    ],
)
def test_states_of_a_table(options, monkeypatch, parts, state):
    record = {"reduced": False, "parts": parts, "missing": {"A column": "its file is not at hand"}}
    reproduced(monkeypatch, record=record)
    found = TABLE1.run(options, {}, "", time.monotonic() + 500)
    assert found.state == state
    assert found.note.endswith("; A column: its file is not at hand")


@pytest.mark.parametrize(
    ("code", "state"), [(2, "skipped"), (130, "unfinished"), (1, "failed"), (-11, "failed")]
)
def test_nothing_was_written(options, monkeypatch, code, state):
    reproduced(monkeypatch, code=code, said="its last line")
    found = TABLE3.run(options, {}, "", time.monotonic() + 500)
    assert (found.state, found.note) == (state, "its last line")


def test_data_that_are_not_at_hand_are_named(options):
    """By the command itself, in a process of its own."""
    words = ["reproduce", "table1", "--values", "open-vaccine-backbone", "--data", "/not/there"]
    code, said = run_ghyena([*words, "--out", str(options.runs)], 120)
    assert code == 2
    assert said.startswith("table1: Open Vaccine is not at hand: put train.json")


def test_a_command_that_takes_too_long_is_ended(monkeypatch, tmp_path):
    package = tmp_path / "geometric_hyena" / "cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(sweeps.geometric_hyena, "__file__", str(package.parent / "__init__.py"))
    assert run_ghyena(["reproduce"], 1) == (-15, "ended without a word")


def test_one_run_at_a_time_without_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert sweeps.jobs_that_fit() == 1
