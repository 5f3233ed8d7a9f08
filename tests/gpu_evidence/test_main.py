"""`python -m geometric_hyena.gpu_evidence`: the plan without a GPU, records, what is skipped or refused."""

import json
import subprocess
from dataclasses import replace

import pytest

from geometric_hyena.gpu_evidence import main as evidence
from geometric_hyena.gpu_evidence import record
from geometric_hyena.gpu_evidence.main import main
from geometric_hyena.gpu_evidence.options import read_options
from geometric_hyena.gpu_evidence.parts import PARTS
from geometric_hyena.gpu_evidence.record import Outcome


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


@pytest.fixture
def gpu(monkeypatch):
    """A GPU by name alone."""
    name = {"gpu": "Pretended X1", "torch": "2.11.0"}
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(record, "gpu_environment", lambda: dict(name))
    return name


def part_of(monkeypatch, name, *outcomes, **changes):
    """Let a part have these outcomes, call by call; returns what each call was given of the earlier ones."""
    given, left = [], list(outcomes)

    def run(options, earlier, command, deadline):
        given.append(earlier)
        return left.pop(0)

    monkeypatch.setitem(PARTS, name, replace(PARTS[name], run=run, **changes))
    return given


def test_without_a_gpu_it_says_what_it_would_run(no_gpu, tmp_path, capsys):
    assert main(["--out", str(tmp_path / "out"), "--seeds", "1"]) == 2
    said = capsys.readouterr()
    assert said.err == "gpu_evidence: there is no CUDA GPU that PyTorch can use here: nothing was run\n"
    heads = [line.partition(":")[0] for line in said.out.splitlines() if line and not line.startswith(" ")]
    assert heads == ["correctness", "figure1", "recall", "table1", "table3"]
    assert "pytest -m gpu tests/gpu/test_triton_gpu.py" in said.out
    assert "ghyena reproduce recall-length --budget paper --seeds 1 --values 256,512,1024" in said.out
    assert not (tmp_path / "out").exists()


def test_the_plan_names_missing_packages(no_gpu, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evidence, "missing_packages", lambda needed: ["jsonargparse"] * bool(needed))
    assert main(["--out", str(tmp_path), "--parts", "figure1,recall"]) == 2
    plan = capsys.readouterr().out
    assert plan.count("would be skipped") == 1
    assert "would be skipped: this Python has not: jsonargparse; pip install" in plan.partition("recall:")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--parts", "figure9"], "--parts: there is no 'figure9'"),
        (["--parts", ","], "--parts: names none"),
        (["--seconds", "0"], "--seconds: expected a whole number"),
        (["--cap", "3"], "unknown option --cap; see python -m geometric_hyena.gpu_evidence --help"),
        (["figure1"], "unexpected word 'figure1'"),
    ],
)
def test_what_cannot_be_asked_for(words, said, capsys):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_help_says_all(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in PARTS)


def test_options_survive_being_said_again():
    known = list(PARTS)
    words = ["--parts=table1", "--seconds=7", "--data=D", "--seeds=2", "--jobs=3", "--models=a,b"]
    options = read_options(words, known)
    assert read_options(options.words(), known) == options
    assert read_options(read_options([], known).words(), known) == read_options([], known)


def test_a_part_goes_on_from_its_record(gpu, monkeypatch, tmp_path, capsys):
    given = part_of(
        monkeypatch,
        "figure1",
        Outcome("unfinished", "3 sizes known", {"rows": [1, 2, 3]}),
        Outcome("done", "4 sizes known", {"rows": [1, 2, 3, 4]}),
    )
    words = ["--parts", "figure1", "--out", str(tmp_path)]
    assert (main(words), main(words)) == (0, 0)
    assert capsys.readouterr().out == "figure1: unfinished: 3 sizes known\nfigure1: done: 4 sizes known\n"
    assert [earlier.get("rows") for earlier in given] == [None, [1, 2, 3]]
    found = json.loads((tmp_path / "figure1.json").read_text())
    assert (found["state"], found["rows"], found["environment"]["gpu"]) == (
        "done",
        [1, 2, 3, 4],
        "Pretended X1",
    )
    assert found["command"].startswith("python -m geometric_hyena.gpu_evidence --parts figure1")
    assert "| done | Pretended X1 | 2.11.0 | 4 sizes known |" in (tmp_path / "README.md").read_text()


def test_a_part_without_its_packages_is_skipped_and_says_why(gpu, monkeypatch, tmp_path):
    given = part_of(monkeypatch, "recall", packages=("not_there_at_all",))
    assert main(["--parts", "recall", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "recall.json").read_text())
    assert found["state"] == "skipped"
    assert "this Python has not: not_there_at_all" in found["note"]
    assert not given


def test_to_be_skipped_leaves_what_earlier_calls_found(gpu, monkeypatch, tmp_path):
    part_of(monkeypatch, "recall", Outcome("unfinished", "", {"ended": 5}))
    words = ["--parts", "recall", "--out", str(tmp_path)]
    assert main(words) == 0
    part_of(monkeypatch, "recall", packages=("not_there_at_all",))
    assert main(words) == 0
    assert json.loads((tmp_path / "recall.json").read_text())["ended"] == 5


def test_timings_of_two_devices_are_not_mixed(gpu, monkeypatch, tmp_path, capsys):
    part_of(monkeypatch, "figure1", *[Outcome("unfinished", "", {"rows": []})] * 3)
    words = ["--parts", "figure1", "--out", str(tmp_path)]
    assert main(words) == 0
    gpu["gpu"] = "Pretended X2"
    assert main(words) == 2
    assert "was measured on Pretended X1, and this is Pretended X2" in capsys.readouterr().err
    assert main([*words[:2], "--out", str(tmp_path / "other")]) == 0


def test_a_file_that_is_no_record_is_refused(gpu, tmp_path, capsys):
    (tmp_path / "figure1.json").write_text("[]")
    assert main(["--parts", "figure1", "--out", str(tmp_path)]) == 2
    assert "figure1.json: is no record of this part" in capsys.readouterr().err


def test_an_error_nobody_expected_keeps_what_was_found(gpu, monkeypatch, tmp_path):
    words = ["--parts", "figure1", "--out", str(tmp_path)]
    part_of(monkeypatch, "figure1", Outcome("unfinished", "", {"rows": [1]}))
    assert main(words) == 0

    def run(*_):
        raise TypeError("no such kernel")

    monkeypatch.setitem(PARTS, "figure1", replace(PARTS["figure1"], run=run))
    with pytest.raises(TypeError):
        main(words)
    found = json.loads((tmp_path / "figure1.json").read_text())
    assert (found["state"], found["note"], found["rows"]) == ("failed", "TypeError: no such kernel", [1])


def test_every_part_has_a_process_of_its_own(gpu, monkeypatch, tmp_path, capsys):
    """One that crashes or hangs does not keep the others from running."""
    ran = []

    def run(command, timeout):
        ran.append((command[1:5], timeout))
        if "figure1" in command:
            raise subprocess.TimeoutExpired(command, timeout)
        return subprocess.CompletedProcess(command, -11 if "recall" in command else 0)

    monkeypatch.setattr(evidence.subprocess, "run", run)
    assert main(["--out", str(tmp_path), "--parts", "figure1,recall,table1", "--seconds", "60"]) == 1
    module = ["-m", "geometric_hyena.gpu_evidence", "--parts"]
    assert ran == [([*module, name], 180) for name in ("figure1", "recall", "table1")]
    said = capsys.readouterr().out
    assert "figure1: failed: did not end" in said
    assert "recall: failed: its process ended with -11" in said


def test_a_failed_part_is_the_exit_code(gpu, monkeypatch, tmp_path):
    part_of(monkeypatch, "table1", Outcome("failed", "1 failed", {}))
    assert main(["--parts", "table1", "--out", str(tmp_path)]) == 1
