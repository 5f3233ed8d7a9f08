"""The part that runs tests: outcomes by name, files that have ended are not run again."""

import time

import pytest

from geometric_hyena.gpu_evidence import correctness
from geometric_hyena.gpu_evidence.correctness import run_files

GOOD = """
import pytest

@pytest.mark.gpu
@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16 autocast"])
def test_good(autocast):
    with open(__file__ + ".ran", "a") as file:
        file.write("x")

def test_unmarked():
    raise AssertionError
"""
BAD = """
import pytest

@pytest.mark.gpu
def test_bad():
    assert 1 + 1 == 3, "sums differ"

@pytest.mark.gpu
def test_skipped():
    pytest.skip("no second GPU")
"""
SLOW = """
import time

import pytest

@pytest.mark.gpu
def test_slow():
    time.sleep(60)
"""


@pytest.fixture
def write(tmp_path):
    """Test files where a checkout has them; returns their paths."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  gpu: needs a GPU\n")
    folder = tmp_path / "tests" / "gpu"
    folder.mkdir(parents=True)

    def written(**texts):
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(text)
        return sorted(folder.glob("test_*.py"))

    return written


def later():
    return time.monotonic() + 300


def test_outcomes_are_counted_and_what_has_passed_is_not_run_again(write):
    files, saved = write(test_bad=BAD, test_good=GOOD), []
    found = run_files(files, {}, later(), save=saved.append)
    assert found.state == "failed"
    assert found.content["counts"] == {"passed": 2, "failed": 1, "skipped": 1}
    good = found.content["files"]["test_good.py"]["tests"]
    assert [test["name"] for test in good] == ["test_good[float32]", "test_good[bf16 autocast]"]
    assert "sums differ" in found.content["files"]["test_bad.py"]["tests"][0]["why"]
    assert list(saved[0].content["files"]) == ["test_bad.py"]

    write(test_bad=BAD.replace("== 3", "== 2"))
    again = run_files(files, found.content, later())
    assert (again.state, again.content["counts"]) == ("done", {"passed": 3, "skipped": 1})
    assert (files[1].parent / "test_good.py.ran").read_text() == "xx"


def test_a_file_that_cannot_be_imported_is_a_failure(write):
    found = run_files(write(test_broken="import not_there_at_all"), {}, later())
    assert found.state == "failed"
    assert "test_broken.py: pytest ended with 2" in found.note


def test_out_of_time_what_has_ended_is_kept(write):
    found = run_files(write(test_slow=SLOW), {}, time.monotonic() + 1)
    assert (found.state, found.content["files"]) == ("unfinished", {})
    assert "not run to the end: test_slow.py" in found.note
    kept = {"test_a.py": {"counts": {"passed": 3}, "error": None, "tests": []}}
    files = write(test_a=GOOD, test_slow=SLOW)
    found = run_files(files, {"files": kept}, time.monotonic() - 1)
    assert (found.state, found.content["files"]) == ("unfinished", kept)


def test_the_clone_has_tests_for_a_gpu():
    assert "test_gpu.py" in {path.name for path in correctness.test_files()}


def test_outside_of_a_clone_the_part_is_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(correctness, "_ROOT", tmp_path)
    found = correctness.run(None, {}, "", later())
    assert (found.state, found.note) == (
        "skipped",
        "the tests are not part of the package; run it in a clone",
    )
