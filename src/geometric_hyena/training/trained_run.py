"""What a run directory holds, read back: recipe and configuration, and a predictor with the run's weights."""

from collections.abc import Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from geometric_hyena.errors import InputError
from geometric_hyena.training.config import check_run_config
from geometric_hyena.training.config_parser import ConfigParser, config_from_values
from geometric_hyena.training.recipes import Recipe, find_recipe
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.task import Predictor


class OtherModelError(InputError):
    """Weights do not fit a model; `tensor` says where."""

    def __init__(self, text: str, tensor: str):
        super().__init__(text)
        self.tensor = tensor


def trained_run(run: RunDirectory, words: Sequence[str] = ()) -> tuple[Recipe, Any]:
    """Recipe and configuration of a run that has weights, with options changed by command-line words."""
    recipe, config = read_run(run)
    run.check_trained()
    if words:
        config = ConfigParser(recipe.config_class(), "ghyena evaluate").read(
            ["--config", str(run.config), *words]
        )
    return recipe, config


def read_run(run: RunDirectory) -> tuple[Recipe, Any]:
    """Recipe and configuration of a run."""
    name, values = run.read_config()
    try:
        recipe = find_recipe(name)
    except InputError as error:
        raise InputError(f"{run.config}: {error}") from error
    config = config_from_values(recipe.config_class(), values, run.config)
    try:
        check_run_config(config)
    except InputError as error:
        raise InputError(f"{run.config}: {error}") from error
    return recipe, config


def load_predictor(predictor: Predictor, run: RunDirectory) -> Predictor:
    """Load the run's weights into a predictor built from its configuration, on the GPU where there is one.

    Raises:
        InputError: where the file is broken, or belongs to another model.
    """
    try:
        weights = load_file(run.weights)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{run.weights}: cannot be read as safetensors ({error}); copy it from the run again"
        ) from error
    expected = {name: tuple(tensor.shape) for name, tensor in predictor.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            there, wanted = found.get(name, "absent"), expected.get(name, "unknown")
            tensor = f"tensor {name} is {there}, and {wanted} in the model"
            raise OtherModelError(
                f"{run.weights}: belongs to another model: {tensor} of {run.config}; use that run's weights",
                tensor,
            )
    predictor.load_state_dict(weights)
    return predictor.to("cuda" if torch.cuda.is_available() else "cpu").eval()
