"""Parts (c) to (e): what is trained, by `ghyena reproduce` in a process of its own that keeps to the time."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import geometric_hyena
from geometric_hyena.files import make_folder
from geometric_hyena.gpu_evidence.options import Options
from geometric_hyena.gpu_evidence.record import DONE, FAILED, SKIPPED, UNFINISHED, Content, Outcome
from geometric_hyena.memory import GIB
from geometric_hyena.processors import available_processors

# Of its time a part needs so much to begin, and to write and draw the result when no run goes on.
_RESERVE = 60
# So long after its time it is ended: sketches that are being built do not look at the clock.
_GRACE = 15
# Room for a training run on the GPU, roughly.
_RUN_BYTES = 8 * GIB
_MOST_JOBS = 6
_PATIENCE = 30
_ENDED = 130
_SUFFIXES = (".json", ".md", ".svg", ".html")


@dataclass(frozen=True)
class Trained:
    """An entry of `ghyena reproduce`.

    Attributes:
        part: name of the part.
        entry: its name there.
        values: settings of a sweep, or columns of a table.
    """

    part: str
    entry: str
    values: str

    def plan(self, options: Options) -> list[str]:
        """What is run."""
        return [f"ghyena {' '.join(self._words(options))}", f"runs are kept in {self._runs(options)}"]

    def run(self, options: Options, earlier: Content, command: str, deadline: float) -> Outcome:
        """Train what has not been trained, as far as the time goes."""
        seconds = max(1, int(deadline - time.monotonic()) - _RESERVE)
        words = [*self._words(options), "--jobs", str(options.jobs or jobs_that_fit())]
        words += ["--seconds", str(seconds)]
        result = self._runs(options) / f"{self.entry}.json"
        before = result.stat().st_mtime_ns if result.is_file() else None
        code, said = run_ghyena(words, deadline - time.monotonic() + _GRACE)
        written = result.is_file() and result.stat().st_mtime_ns != before
        return self.outcome(options, code, said, written, {"ran": f"ghyena {' '.join(words)}"})

    def outcome(self, options: Options, code: int, said: str, written: bool, content: Content) -> Outcome:
        """What a process that ended with this code, and said this last, has left behind."""
        if not written:
            # 2 comes with a line of advice: data or packages that are not at hand; 130 when it was ended.
            state = {2: SKIPPED, _ENDED: UNFINISHED}.get(code, FAILED)
            return Outcome(state, said, content)
        folder = self._runs(options)
        beside = options.out / self.part
        make_folder(beside)
        for path in folder.glob(f"{self.entry}*"):
            if path.suffix in _SUFFIXES:
                shutil.copyfile(path, beside / path.name)
        record = json.loads((folder / f"{self.entry}.json").read_text())
        parts = record.get("parts", [record])
        ended, waiting = (
            sum(map(count, parts)) for count in (lambda p: len(p["cells"]), lambda p: p["unfinished"])
        )
        failed = {name: why for part in parts for name, why in part["failed"].items()}
        content |= {"reduced": record["reduced"], "ended": ended, "unfinished": waiting, "failed": failed}
        content["missing"] = record.get("missing", {})
        content["left_out"] = {name: why for part in parts for name, why in part["left_out"].items()}
        note = f"{ended} runs have ended, {waiting} wait for the next call, {len(failed)} failed"
        note += "".join(f"; {name}: {why}" for name, why in content["missing"].items())
        state = UNFINISHED if waiting else FAILED if failed else DONE
        return Outcome(state, note, content)

    def _words(self, options: Options) -> list[str]:
        words = [
            "reproduce",
            self.entry,
            *options.sweeps,
            "--values",
            self.values,
            "--out",
            str(self._runs(options)),
        ]
        return words + (["--models", ",".join(options.models)] if options.models else [])

    def _runs(self, options: Options) -> Path:
        return options.runs / ("tables" if self.entry.startswith("table") else self.entry)


def jobs_that_fit() -> int:
    """Runs at a time: one training leaves most of a large GPU idle."""
    if not torch.cuda.is_available():
        return 1
    room = torch.cuda.get_device_properties(0).total_memory // _RUN_BYTES
    return max(1, min(room, available_processors() // 2, _MOST_JOBS))


def run_ghyena(words: list[str], seconds: float) -> tuple[int, str]:
    """Exit code and last line of a command of ours, ended where it takes longer."""
    source = str(Path(geometric_hyena.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "geometric_hyena.cli", *words],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()  # it ends its runs, to be resumed
        try:
            _, errors = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return process.returncode, lines[-1].removeprefix("ghyena: ") if lines else "ended without a word"


_OPEN_VACCINE = "open-vaccine-backbone,open-vaccine-all-atom"
_PROTEIN = "protein-md-backbone,protein-md-all-atom"
RECALL = Trained("recall", "recall-length", "256,512,1024")
TABLE1 = Trained("table1", "table1", _OPEN_VACCINE)
TABLE3 = Trained("table3", "table3", _PROTEIN)
