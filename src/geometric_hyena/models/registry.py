"""Models by name, as the command line and run directories know them."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from torch import nn

from geometric_hyena.errors import InputError
from geometric_hyena.models.baselines.hyena import Hyena
from geometric_hyena.models.baselines.transformer import Transformer
from geometric_hyena.models.geometric_hyena import GeometricHyena

MODELS: dict[str, type[nn.Module]] = {
    "geometric-hyena": GeometricHyena,
    "hyena": Hyena,
    "transformer": Transformer,
}


def check_model_name(name: str) -> None:
    """Raise InputError, listing the models there are, unless `name` is one of them."""
    if name not in MODELS:
        raise InputError(f"model: there is no '{name}'; choose one of: {', '.join(sorted(MODELS))}")


def build_model(name: str, scalar_dim: int, vector_dim: int, options: Mapping[str, Any]) -> nn.Module:
    """The model of that name for inputs with `scalar_dim` scalars and `vector_dim` vectors per token.

    It is given those of the options that it has: a Transformer has no convolution to be scaled.
    """
    check_model_name(name)
    known = signature(MODELS[name]).parameters
    taken = {option: value for option, value in options.items() if option in known}
    return MODELS[name](scalar_dim=scalar_dim, vector_dim=vector_dim, **taken)
