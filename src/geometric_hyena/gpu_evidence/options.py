"""What `python -m geometric_hyena.gpu_evidence` can be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geometric_hyena.cli.words import comma_separated, take_options, whole_number
from geometric_hyena.errors import InputError

_COMMAND = "python -m geometric_hyena.gpu_evidence"
_NAMES = ("parts", "seconds", "out", "runs", "data", "jobs", "budget", "models", "seeds", "epochs")


@dataclass(frozen=True)
class Options:
    """Options of all parts.

    Attributes:
        parts: names of the parts, in order.
        seconds: time of each.
        out: folder of the results.
        runs: folder of training runs, which go on from there.
        sweeps: words that those parts which train hand to `ghyena reproduce`.
        jobs: runs at a time; None: as many as the machine has room for.
        models: rows to train; none: all.
    """

    parts: tuple[str, ...]
    seconds: int = 500
    out: Path = Path("results/gpu")
    runs: Path = Path("runs/gpu")
    sweeps: tuple[str, ...] = ("--budget", "paper")
    jobs: int | None = None
    models: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """The command-line words that say the same."""
        words = ["--parts", ",".join(self.parts), "--seconds", str(self.seconds), "--out", str(self.out)]
        words += ["--runs", str(self.runs), *self.sweeps]
        words += [] if self.jobs is None else ["--jobs", str(self.jobs)]
        return words + (["--models", ",".join(self.models)] if self.models else [])


def read_options(words: Sequence[str], known: Sequence[str]) -> Options:
    """Options from words of the command line; `known` are the names of all parts.

    Raises:
        InputError: for an option or a value that is none.
    """
    try:
        positional, options = take_options(words, _NAMES, "gpu_evidence")
    except InputError as error:
        raise InputError(str(error).replace("ghyena gpu_evidence", _COMMAND)) from None
    if positional:
        raise InputError(f"unexpected word '{positional[0]}'; parts are chosen by --parts {','.join(known)}")
    parts = comma_separated(options, "parts") if "parts" in options else known
    for name in parts:
        if name not in known:
            raise InputError(f"--parts: there is no '{name}'; choose from: {','.join(known)}")
    if not parts:
        raise InputError(f"--parts: names none; choose from: {','.join(known)}")
    sweeps = ["--budget", options.get("budget", "paper")]
    for name in ("data", "seeds", "epochs"):
        if name in options:
            sweeps += [f"--{name}", options[name]]
    return Options(
        parts=tuple(dict.fromkeys(parts)),
        seconds=whole_number(options, "seconds") or Options.seconds,
        out=Path(options.get("out", Options.out)),
        runs=Path(options.get("runs", Options.runs)),
        sweeps=tuple(sweeps),
        jobs=whole_number(options, "jobs"),
        models=tuple(comma_separated(options, "models")),
    )
