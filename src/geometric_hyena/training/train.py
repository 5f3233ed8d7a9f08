"""Train a recipe into a run directory, resume a run, judge it, predict with it."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save

from geometric_hyena.errors import InputError
from geometric_hyena.files import replacing, write_json
from geometric_hyena.models.registry import check_gives, check_options
from geometric_hyena.models.size import match_parameters, parameter_count
from geometric_hyena.provenance import environment
from geometric_hyena.training import ranks
from geometric_hyena.training.config import RunConfig, changed_network, check_run_config
from geometric_hyena.training.interruption import resumable
from geometric_hyena.training.known_data import (
    changed_options,
    check_other_split,
    check_same_data,
    check_unchanged,
    checksums,
)
from geometric_hyena.training.lock import locked
from geometric_hyena.training.loop import fit
from geometric_hyena.training.memory_check import check_training, prediction_check
from geometric_hyena.training.recipes import Recipe
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.streamed import StreamedPredictor
from geometric_hyena.training.task import Evaluation, Predictor, Task
from geometric_hyena.training.trained_run import OtherModelError, load_predictor, read_run, trained_run


def train(
    recipe: Recipe, config: RunConfig, command: str, *, force: bool = False
) -> tuple[RunDirectory, Evaluation]:
    """Train from scratch. The run directory is made once all inputs have been read and checked.

    Args:
        recipe: what is trained for.
        config: how.
        command: as one would type it.
        force: go on though more memory is predicted than there is.

    Raises:
        InputError: for anything in the configuration or the data that cannot be used, or a directory in which
            another process trains.
        GHyenaError: where a loss or a gradient became NaN or infinite.
        Interruption: by Ctrl-C or SIGTERM, with how to go on.
    """
    _check(recipe, config)
    check_options(config.model, changed_network(config), "network.")
    ranks.launch(config.accelerator, config.devices, config.nodes)
    run = RunDirectory(ranks.from_first(lambda: _new_directory(recipe.name, config)))

    def prepared() -> tuple[Task, RunConfig]:
        task = recipe.task_class()(config)
        resolved = _matched(task, task.resolved(dataclasses.replace(config, out=str(run.path))))
        _built(task, resolved)  # what cannot be built must fail before anything is written
        check_training(task, resolved, force)
        return task, resolved

    task, config = ranks.first_then_others(prepared)
    with contextlib.ExitStack() as held:

        def begin() -> None:
            held.enter_context(locked(run))
            run.check_new()  # another process may have been faster
            run.create(recipe.name, config, command, checksums(task.identity))

        ranks.from_first(begin)
        return run, _fit_and_finish(run, task, config, resume=False)


def resume(path: str | Path, *, force: bool = False) -> tuple[RunDirectory, Evaluation]:
    """Go on with a run from its last checkpoint, to the weights it would have had uninterrupted.

    Raises:
        InputError: where there is no such run, it has ended, another process trains it, or its data changed.
        GHyenaError: where a loss or a gradient became NaN or infinite.
        Interruption: by Ctrl-C or SIGTERM, with how to go on.
    """
    run = RunDirectory(path)
    recipe, config = read_run(run)
    ranks.launch(config.accelerator, config.devices, config.nodes)
    with contextlib.ExitStack() as held:

        def begin() -> None:
            held.enter_context(locked(run))
            if run.summary.is_file():
                raise InputError(
                    f"{run.path}: this run has ended; look at {run.report}, or train another with --out"
                )
            _check(recipe, config)
            # What is broken must be found before anything is written.
            run.read_history()
            run.read_environment()

        ranks.from_first(begin)
        task = ranks.first_then_others(lambda: recipe.task_class()(config))
        check_unchanged(run, task.identity)
        check_training(task, config, force)
        return run, _fit_and_finish(run, task, config, resume=run.last.is_file())


def evaluate(run: RunDirectory, words: Sequence[str] = (), *, force: bool = False) -> tuple[Task, Evaluation]:
    """Judge a trained run on its data, or on other data named by command-line words (`--data.*`).

    With `force` it goes on though more memory is predicted than there is.

    Raises:
        InputError: where the run or the data cannot be used.
    """
    recipe, trained = read_run(run)
    _, config = trained_run(run, words)
    check_other_split(trained.data, config.data)
    task = recipe.task_class()(config)
    check_same_data(run, task.identity)
    try:
        predictor = load_predictor(_built(task, config), run)
    except OtherModelError as error:
        changed = changed_options(trained.data, config.data)
        if not changed:
            raise
        raise InputError(
            f"{', '.join(changed)}: that makes data of a kind which the model in {run.path} was not trained "
            f"on ({error.tensor}); leave out what changes its inputs, or train a model for such data"
        ) from error
    predictor.check = prediction_check(config, force)
    return task, task.evaluate(predictor)


def predict(
    run: RunDirectory,
    files: Sequence[str],
    folder: Path,
    stride: int = 1,
    *,
    memory: int | None = None,
    force: bool = False,
) -> list[Path]:
    """Predict for new files with a trained run.

    Args:
        run: the run.
        files: what the recipe takes: topology and trajectory files, or structures.
        folder: where the predictions are written, made if need be once the files have been read.
        stride: every stride-th frame only.
        memory: bytes that the process may hold, for molecules that do not fit into memory.
        force: go on though more memory is predicted than there is.

    Returns:
        The files written.

    Raises:
        InputError: where the run or a file cannot be used.
    """
    recipe, config = trained_run(run)

    def load(predictor: Predictor) -> Predictor:
        predictor.check = prediction_check(config, force)
        loaded = load_predictor(predictor, run)
        return loaded if memory is None else StreamedPredictor(loaded, memory)

    return recipe.predict_function()(config, load, files, folder, stride)


def _built(task: Task, config: RunConfig) -> Predictor:
    """The model of a configuration, or an error that the user can mend where memory ends."""
    try:
        return task.predictor(config)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "allocate" not in str(error):
            raise
        raise InputError(
            "network: a model of this size does not fit into the memory; lower network.hidden_dim or "
            "network.blocks"
        ) from error


def _check(recipe: Recipe, config: RunConfig) -> None:
    """What can be checked before the data are read."""
    check_run_config(config)
    check_gives(config.model, recipe.task_class().needs)
    if config.accelerator == "gpu" and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise InputError("accelerator: there is no gpu here; give --accelerator cpu")


def _matched(task: Task, config: RunConfig) -> RunConfig:
    """The configuration with the width that gives the model the number of parameters asked for."""
    if not config.match_parameters:
        return config

    def resized(width: int) -> RunConfig:
        return dataclasses.replace(config, network=dataclasses.replace(config.network, hidden_dim=width))

    return resized(match_parameters(lambda width: task.predictor(resized(width)), config.match_parameters))


def _fit_and_finish(run: RunDirectory, task: Task, config: RunConfig, resume: bool) -> Evaluation:
    with resumable(run):
        return _fitted(run, task, config, resume)


def _fitted(run: RunDirectory, task: Task, config: RunConfig, resume: bool) -> Evaluation:
    started = time.perf_counter()
    with ranks.lost_processes(run.path):
        fitted = fit(run, task, config, resume)
        predictor = fitted.pop("predictor")
        evaluation = task.evaluate(predictor)
    if not ranks.is_first():
        return evaluation
    weights = {name: tensor.cpu().contiguous() for name, tensor in predictor.state_dict().items()}
    with replacing(run.weights) as partial:
        partial.write_bytes(save(weights))
    evaluation.write_report(run)
    write_json(
        run.summary,
        {
            **evaluation.metrics,
            "model": config.model,
            "parameters": parameter_count(predictor),
            "epochs": config.epochs,
            "seed": config.seed,
            **fitted,
            "seconds": round(time.perf_counter() - started, 1),
            "threads": torch.get_num_threads(),
            "data": task.identity,
            "command": json.loads(run.environment.read_text())["command"],
            "environment": environment(),
        },
    )
    return evaluation


def _new_directory(recipe: str, config: RunConfig) -> Path:
    run = RunDirectory(config.out or _free_directory(recipe, config))
    run.check_new()
    return run.path


def _free_directory(recipe: str, config: RunConfig) -> Path:
    """runs/RECIPE-MODEL-seedN, with a number behind it where that is taken."""
    base = Path("runs") / f"{recipe}-{config.model}-seed{config.seed}"
    candidate, number = base, 1
    while not RunDirectory(candidate).is_free:
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate
