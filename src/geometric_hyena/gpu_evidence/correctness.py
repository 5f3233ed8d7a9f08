"""Part (a): the tests that need a GPU, in single precision and under bf16 autocast, file by file."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geometric_hyena
from geometric_hyena.gpu_evidence.options import Options
from geometric_hyena.gpu_evidence.record import (
    DONE,
    FAILED,
    SKIPPED,
    UNFINISHED,
    Content,
    Outcome,
    write_part,
)
from geometric_hyena.provenance import environment

NAME = "correctness"
TITLE = "Correctness: the tests under marker gpu"

_ROOT = Path(geometric_hyena.__file__).resolve().parents[2]
# Of a failure so many characters are kept; the rest stands in pytest's own output.
_KEPT = 400


def test_files() -> list[Path]:
    """The files of tests that need a GPU; none where the package is not run from a clone."""
    return sorted((_ROOT / "tests" / "gpu").glob("test_*.py"))


def plan(options: Options) -> list[str]:
    """What is run."""
    files = [f"pytest -m gpu {path.relative_to(_ROOT)}" for path in test_files()]
    return [
        *(files or ["nothing: there are no tests here, run it in a clone"]),
        f"writes {options.out}/{NAME}.json",
    ]


def run(options: Options, earlier: Content, command: str, deadline: float) -> Outcome:
    """Run the files whose tests have not been run."""
    files = test_files()
    if not files:
        return Outcome(SKIPPED, "the tests are not part of the package; run it in a clone", {})
    return run_files(
        files, earlier, deadline, save=lambda found: write_part(options.out, NAME, TITLE, command, found)
    )


def run_files(
    files: Sequence[Path], earlier: Content, deadline: float, *, save: Any = lambda outcome: None
) -> Outcome:
    """Go on from the files of earlier calls; one that failed or was cut off is run again from its start."""
    before = earlier.get("files", {})
    ended: dict[str, Any] = {name: file for name, file in before.items() if not _wrong(file)}
    for path in files:
        if path.name in ended:
            continue
        left = deadline - time.monotonic()
        found = _run_file(path, left) if left > 0 else None
        if found is None:
            waiting = [path.name for path in files if path.name not in ended]
            return _outcome(ended, UNFINISHED, f"not run to the end: {', '.join(waiting)}; ")
        ended[path.name] = found
        save(_outcome(ended, UNFINISHED, ""))
    return _outcome(ended, FAILED if any(map(_wrong, ended.values())) else DONE, "")


def _wrong(file: dict[str, Any]) -> bool:
    return bool(file["counts"].get("failed") or file["error"])


def _outcome(ended: dict[str, Any], state: str, note: str) -> Outcome:
    counts: dict[str, int] = {}
    for file in ended.values():
        for name, count in file["counts"].items():
            counts[name] = counts.get(name, 0) + count
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing has ended"
    errors = [f"{name}: {file['error']}" for name, file in ended.items() if file["error"]]
    return Outcome(state, "; ".join([note + said, *errors]), {"counts": counts, "files": dict(ended)})


def _run_file(path: Path, seconds: float) -> dict[str, Any] | None:
    """Outcomes of the tests of a file, by pytest in a process of its own; None where time did not suffice."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        # What a library of another version warns of is no error of ours.
        words = ["-m", "gpu", "-p", "no:cacheprovider", "-W", "default", f"--junitxml={junit}", str(path)]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *words],
                cwd=path.parents[2],
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return None
        tests = _tests(junit) if junit.is_file() else []
    counts: dict[str, int] = {}
    for test in tests:
        counts[test["outcome"]] = counts.get(test["outcome"], 0) + 1
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    # 0: all passed, 1: some failed; anything else, as a file that cannot be imported, is no test's outcome.
    error = (
        None if done.returncode in (0, 1) and tests else f"pytest ended with {done.returncode}: {lines[-1:]}"
    )
    return {"counts": counts, "error": error, "commit": environment()["commit"], "tests": tests}


def _tests(junit: Path) -> list[dict[str, Any]]:
    found = []
    for case in ElementTree.parse(junit).iter("testcase"):
        wrong = [child for child in case if child.tag in ("failure", "error")]
        skipped = [child for child in case if child.tag == "skipped"]
        test: dict[str, Any] = {"name": case.get("name"), "seconds": float(case.get("time", 0))}
        test["outcome"] = "failed" if wrong else "skipped" if skipped else "passed"
        if wrong or skipped:
            test["why"] = (wrong + skipped)[0].get("message", "")[:_KEPT]
        found.append(test)
    return found
