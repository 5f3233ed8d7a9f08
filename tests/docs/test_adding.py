"""The three pages on adding something are followed word by word, in a copy of the sources.

Python blocks that begin with a file's name are written, differences applied, commands run.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from docs.pages import DOCS, ROOT, blocks

# Commands in one process, since each start of Python costs seconds.
_DRIVER = """
import json, shlex, sys
for line in json.loads(sys.argv[1]):
    words = shlex.split(line)
    if words[0] == "ghyena":
        from geometric_hyena.cli import main
        code = main(words[1:] + (["--threads", "1", "--accelerator", "cpu"] if words[1] == "train" else []))
    else:
        assert words[:3] == ["python", "-m", "pytest"], line
        import pytest
        code = pytest.main([*words[3:], "-p", "no:cacheprovider"])
    assert code == 0, line
"""


def follow(page, folder):
    """Write and change the files of a page; the commands that it then gives."""
    commands = []
    for block in blocks(page):
        if block.language == "python":
            target = re.match(r"# (\S+)\n", block.text)
            assert target, f"a block without the name of its file: {block.text[:60]!r}"
            path = folder / target[1]
            assert path.parent.is_dir(), f"{target[1]}: there is no such folder"
            assert not path.exists(), f"{target[1]}: is there already"
            path.write_text(block.text[target.end() :])
        elif block.language == "diff":
            apply(block.text, folder)
        elif not block.language:
            commands += [line for line in block.text.replace("\\\n", " ").splitlines() if line]
    return commands


def apply(difference, folder):
    """Apply a difference without line numbers: what it shows as unchanged must stand there exactly once."""
    header, *hunks = re.split(r"^@@.*\n", difference, flags=re.MULTILINE)
    (name,) = re.findall(r"^\+\+\+ (\S+)$", header, flags=re.MULTILINE)
    text = "\n" + (folder / name).read_text()
    for hunk in hunks:
        lines = hunk.splitlines()
        assert all(line[:1] in ("+", " ", "") for line in lines), hunk
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        after = "\n".join(line[1:] for line in lines)
        assert text.count(f"\n{before}\n") == 1, f"{name} has changed; what the page shows is:\n{before}"
        text = text.replace(f"\n{before}\n", f"\n{after}\n")
    (folder / name).write_text(text[1:])


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A copy of the sources after all three pages, and what their commands printed."""
    pytest.importorskip("MDAnalysisTests")
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("src", "tests"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    pages = [DOCS / "guides" / f"add-{what}.md" for what in ("model", "operator", "task")]
    commands = [command for page in pages for command in follow(page, folder)]
    assert len(commands) == 6, commands
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, json.dumps(commands)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


@pytest.mark.slow
def test_the_model_is_trained_beside_its_baselines(followed):
    folder, said = followed
    assert "atom_mean_displacement" in said or "atom mean displacement" in said
    assert json.loads((folder / "runs" / "moving" / "summary.json").read_text())["model"] == "moving-average"


@pytest.mark.slow
def test_the_operator_passed_its_tests(followed):
    assert re.search(r"\.{10,}", followed[1])  # of pytest, one for each


@pytest.mark.slow
def test_the_task_has_a_run_with_a_report(followed):
    folder, said = followed
    assert said.count(" A^2, ") == 2  # its headline, after training and from evaluate
    assert (folder / "runs" / "denoising" / "report.html").is_file()


def test_a_page_that_no_longer_fits_is_found(tmp_path):
    (tmp_path / "file.py").write_text("one = 1\ntwo = 2\n")
    apply("--- file.py\n+++ file.py\n@@\n one = 1\n+more = 3\n", tmp_path)
    assert (tmp_path / "file.py").read_text() == "one = 1\nmore = 3\ntwo = 2\n"
    with pytest.raises(AssertionError, match=r"file\.py has changed"):
        apply("--- file.py\n+++ file.py\n@@\n three = 3\n+more = 3\n", tmp_path)
