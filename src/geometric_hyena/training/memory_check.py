"""Refuse what will not fit: the memory of a model with N x N tables, predicted before it starts."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

import torch

from geometric_hyena.errors import InputError
from geometric_hyena.memory import free_bytes, spoken_size
from geometric_hyena.models.memory import has_tables, predicted_bytes
from geometric_hyena.training.config import RunConfig
from geometric_hyena.training.task import PREDICTED_TOGETHER, Task

Check = Callable[[Sequence[int]], None]


def check_training(task: Task, config: RunConfig, force: bool) -> None:
    """Check the largest batches of a run: those of training, and those of evaluation.

    Raises:
        InputError: where their predicted memory is more than there is, unless forced: then it is said.
    """
    if not has_tables(config.model):
        return
    largest = task.largest()
    _check(config, [largest] * config.batch_size, True, force)
    _check(config, [largest] * PREDICTED_TOGETHER, False, force)


def prediction_check(config: RunConfig, force: bool) -> Check | None:
    """What to call with the lengths of every batch before it is predicted for; None where there is no need.

    It raises InputError as `check_training` does; forced, it says so once.
    """
    if not has_tables(config.model):
        return None
    said = False

    def check(lengths: Sequence[int]) -> None:
        nonlocal said
        said = said or _check(config, lengths, False, force)

    return check


def _check(config: RunConfig, lengths: Sequence[int], training: bool, force: bool) -> bool:
    """Whether it was said that the memory will not do."""
    uses_gpu = config.accelerator != "cpu" and torch.cuda.is_available()
    free = free_bytes(torch.device("cuda" if uses_gpu else "cpu"))
    options = {**asdict(config.network), **_neighbors(config)}
    need = predicted_bytes(config.model, lengths, options, training=training)
    if free is None or need <= free:
        return False
    together = f"{len(lengths)} molecules of up to " if len(lengths) > 1 else ""
    text = (
        f"model: {config.model} holds tables of N x N: for {together}{max(lengths):,} tokens it is predicted "
        f"to take {spoken_size(need)} {'in training' if training else 'to predict'}, and "
        f"{spoken_size(free)} are free"
    )
    if not force:
        raise InputError(
            f"{text}; take fewer atoms or a model in N log N (see ghyena models), or go on with --force"
        )
    print(f"ghyena: {text}; going on", file=sys.stderr)
    return True


def _neighbors(config: RunConfig) -> dict[str, int]:
    """How many neighbours a token has, where the recipe's data can say."""
    count = getattr(getattr(config, "data", None), "neighbors", None)
    return {} if count is None else {"neighbors": count}
