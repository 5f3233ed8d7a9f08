"""A finished and an unfinished run to be broken, and what reads them."""

import functools
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from training.small_runs import NETWORK, ghyena

UNFINISHED = ("summary.json", "report.html", "model.safetensors")


def finished(folder: Path) -> Path:
    """A run of the smallest recipe, in `folder/run`; trained once."""
    run = folder / "run"
    for name, content in _files_of_a_run().items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(content)
    return run


@functools.cache
def _files_of_a_run() -> dict[str, bytes]:
    data = ("--data.length", "6", "--data.train", "8", "--data.validation", "4", "--data.test", "4")
    words = ("--epochs", "1", "--threads", "1", "--accelerator", "cpu", *data, *NETWORK)
    with TemporaryDirectory() as name:
        run = Path(name) / "run"
        assert ghyena("train", "recall", "--out", run, *words) == 0
        return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def configurations(folder: Path) -> dict[str, bytes]:
    content = (finished(folder) / "config.yaml").read_bytes()
    return {"config.yaml": content}


def run_files(folder: Path) -> dict[str, bytes]:
    run = finished(folder)
    return {name: (run / name).read_bytes() for name in ("config.yaml", "metrics.jsonl", "environment.json")}


def weights(folder: Path) -> dict[str, bytes]:
    return {"model.safetensors": (finished(folder) / "model.safetensors").read_bytes()}


def checkpoints(folder: Path) -> dict[str, bytes]:
    run = finished(folder)
    for name in UNFINISHED:
        (run / name).unlink()
    return {name: (run / "checkpoints" / name).read_bytes() for name in ("last.ckpt", "best.ckpt")}


def read_configuration(path: Path, folder: Path) -> object:
    from geometric_hyena.training.config import check_run_config
    from geometric_hyena.training.config_parser import ConfigParser
    from geometric_hyena.training.recall import RecallRun

    config = ConfigParser(RecallRun, "ghyena train recall", "recall").read(["--config", str(path)])
    check_run_config(config)
    return config


def read_run(path: Path, folder: Path) -> object:
    """What a finished run was made by, where one of the files that say it is broken."""
    from geometric_hyena.training.config import check_run_config
    from geometric_hyena.training.run_directory import RunDirectory
    from geometric_hyena.training.trained_run import trained_run

    run = RunDirectory(_with(path, folder))
    _, config = trained_run(run)
    check_run_config(config)
    return config, run.read_history(), run.read_environment()


def use_run(path: Path, folder: Path) -> object:
    """Judge a finished run in which one file is broken."""
    from geometric_hyena.training.run_directory import RunDirectory
    from geometric_hyena.training.train import evaluate

    return evaluate(RunDirectory(_with(path, folder)))


def resume(path: Path, folder: Path) -> object:
    """Go on with an unfinished run in which one file is broken."""
    from geometric_hyena.training import train

    return train.resume(_with(path, folder))


def _with(path: Path, folder: Path) -> Path:
    """A copy of the run beside the broken file, which takes the place of its own."""
    copy = path.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "run", copy)
    (own,) = (found for found in copy.rglob(path.name) if found.is_file())
    shutil.copyfile(path, own)
    return copy
