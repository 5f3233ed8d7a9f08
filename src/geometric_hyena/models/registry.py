"""Models by name, as the command line and run directories know them."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from geometric_hyena.errors import InputError
from geometric_hyena.models.baselines.hyena import Hyena
from geometric_hyena.models.baselines.transformer import Transformer
from geometric_hyena.models.g_transformer import GTransformer
from geometric_hyena.models.geometric_hyena import GeometricHyena
from geometric_hyena.models.se3_hyena import SE3Hyena
from geometric_hyena.models.se3_transformer import SE3Transformer
from geometric_hyena.models.serialised import Serialised
from geometric_hyena.models.steerable_hyena import SteerableHyena

MODELS: dict[str, type[nn.Module]] = {
    "geometric-hyena": GeometricHyena,
    "se3-hyena": SE3Hyena,
    "steerable-hyena": SteerableHyena,
    "g-transformer": GTransformer,
    "se3-transformer": SE3Transformer,
    "hyena": Hyena,
    "transformer": Transformer,
}


def check_model_name(name: str) -> None:
    """Raise InputError, listing the models there are, unless `name` is one of them."""
    if name not in MODELS:
        raise InputError(f"model: there is no '{name}'; choose one of: {', '.join(sorted(MODELS))}")


def build_model(name: str, scalar_dim: int, vector_dim: int, options: Mapping[str, Any]) -> nn.Module:
    """The model of that name for inputs with `scalar_dim` scalars and `vector_dim` vectors per token.

    It is given those of `options` that its constructor has: a model without global tokens does not hear how
    many there are. An `order` other than "natural" has its tokens put in that order first.
    """
    check_model_name(name)
    has = inspect.signature(MODELS[name]).parameters
    chosen = {option: value for option, value in options.items() if option in has}
    model = MODELS[name](scalar_dim=scalar_dim, vector_dim=vector_dim, **chosen)
    order = options.get("order", "natural")
    return model if order == "natural" else Serialised(model, order)
