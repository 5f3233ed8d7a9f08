"""Models by name, as the command line and run directories know them."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from geometric_hyena.errors import InputError
from geometric_hyena.models.geometric_hyena import GeometricHyena
from geometric_hyena.models.steerable_hyena import SteerableHyena

MODELS: dict[str, type[nn.Module]] = {
    "geometric-hyena": GeometricHyena,
    "steerable-hyena": SteerableHyena,
}


def check_model_name(name: str) -> None:
    """Raise InputError, listing the models there are, unless `name` is one of them."""
    if name not in MODELS:
        raise InputError(f"model: there is no '{name}'; choose one of: {', '.join(sorted(MODELS))}")


def build_model(name: str, scalar_dim: int, vector_dim: int, options: Mapping[str, Any]) -> nn.Module:
    """The model of that name for inputs with `scalar_dim` scalars and `vector_dim` vectors per token.

    Of the options it is given those that it has.
    """
    check_model_name(name)
    known = inspect.signature(MODELS[name]).parameters
    own = {option: value for option, value in options.items() if option in known}
    return MODELS[name](scalar_dim=scalar_dim, vector_dim=vector_dim, **own)
