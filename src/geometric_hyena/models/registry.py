"""Models by name, as the command line and run directories know them."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from geometric_hyena.errors import InputError
from geometric_hyena.models.baselines.egnn import EGNN
from geometric_hyena.models.baselines.equiformer import Equiformer
from geometric_hyena.models.baselines.fast_egnn import FastEGNN
from geometric_hyena.models.baselines.hyena import Hyena
from geometric_hyena.models.baselines.leftnet import LEFTNet
from geometric_hyena.models.baselines.linear import LinearMotion
from geometric_hyena.models.baselines.rf import RadialField
from geometric_hyena.models.baselines.schnet import SchNet
from geometric_hyena.models.baselines.seq_egnn import EGNNSeq, SeqEGNN
from geometric_hyena.models.baselines.tfn import TensorFieldNetwork
from geometric_hyena.models.baselines.torchmd_net import TorchMDNet
from geometric_hyena.models.baselines.transformer import Transformer
from geometric_hyena.models.baselines.vn_transformer import VNTransformer
from geometric_hyena.models.descriptions import DESCRIPTIONS
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
    "egnn": EGNN,
    "fast-egnn": FastEGNN,
    "seq-egnn": SeqEGNN,
    "egnn-seq": EGNNSeq,
    "schnet": SchNet,
    "tfn": TensorFieldNetwork,
    "leftnet": LEFTNet,
    "rf": RadialField,
    "linear": LinearMotion,
    "equiformer": Equiformer,
    "tmd-et": TorchMDNet,
    "vn-transformer": VNTransformer,
    "hyena": Hyena,
    "transformer": Transformer,
}

# Options that every model is given, used or not: sizes, so that models are compared at equal ones, and what a
# recipe says of its graphs.
_FOR_ALL = ("hidden_dim", "vector_channels", "blocks", "radius", "edge_dim", "order")


def check_model_name(name: str) -> None:
    """Raise InputError, listing the models there are, unless `name` is one of them."""
    if name not in MODELS:
        raise InputError(f"model: there is no '{name}'; choose one of: {', '.join(sorted(MODELS))}")


def models_that_give(kind: str) -> list[str]:
    """Names of the models that give "scalars" or "vectors"."""
    return [name for name in MODELS if kind in DESCRIPTIONS[name].gives]


def check_gives(name: str, kind: str) -> None:
    """Raise InputError, listing the models that do, unless the model of that name gives `kind`.

    Args:
        name: of a model.
        kind: "scalars" or "vectors".
    """
    check_model_name(name)
    if kind not in DESCRIPTIONS[name].gives:
        others = ", ".join(sorted(models_that_give(kind)))
        raise InputError(f"model: {name} gives no {kind}; choose one of: {others}")


def output_scalars(name: str, hidden_dim: int) -> int:
    """Scalars per token that the model of that name gives: `hidden_dim`, or none at all."""
    return hidden_dim if "scalars" in DESCRIPTIONS[name].gives else 0


def options_of(name: str) -> list[str]:
    """What the model of that name can be built with, but for the features of its inputs."""
    return [p for p in defaults_of(name) if p not in ("scalar_dim", "vector_dim")]


def defaults_of(name: str) -> dict[str, Any]:
    """What the constructor of the model of that name takes, and what it takes where nothing is said."""
    return {p.name: p.default for p in inspect.signature(MODELS[name]).parameters.values()}


def check_options(name: str, chosen: Iterable[str], section: str = "") -> None:
    """Raise InputError for an option that somebody chose and the model of that name does not have.

    Args:
        name: of a model.
        chosen: names of options.
        section: what stands before them in messages, such as "network.".
    """
    check_model_name(name)
    has = options_of(name)
    for option in chosen:
        if option not in has and option not in _FOR_ALL:
            raise InputError(
                f"{section}{option}: {name} has no such option; leave it out. It has: {', '.join(has)}"
            )


def build_model(name: str, scalar_dim: int, vector_dim: int, options: Mapping[str, Any]) -> nn.Module:
    """The model of that name for inputs with `scalar_dim` scalars and `vector_dim` vectors per token.

    It is given those of `options` that its constructor has: a model without global tokens does not hear how
    many there are. An `order` other than "natural" has its tokens put in that order first.

    Raises:
        InputError: for an option that no model has.
    """
    check_model_name(name)
    has = options_of(name)
    known = {option for model in MODELS for option in options_of(model)}.union(_FOR_ALL)
    for option in options:
        if option not in known:
            raise InputError(f"{option}: no model has this option; {name} has: {', '.join(has)}")
    chosen = {option: value for option, value in options.items() if option in has}
    model = MODELS[name](scalar_dim=scalar_dim, vector_dim=vector_dim, **chosen)
    order = options.get("order", "natural")
    if order != "natural":
        model, chosen = Serialised(model, order), {**chosen, "order": order}
    # For whoever has to write down how to make it again.
    model.__dict__["made_with"] = {
        "name": name,
        "scalar_dim": scalar_dim,
        "vector_dim": vector_dim,
        **chosen,
    }
    return model
