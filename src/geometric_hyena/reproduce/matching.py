"""Widths at which models have as many parameters as Geometric Hyena: the papers' fair comparison."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from geometric_hyena.models.registry import build_model
from geometric_hyena.models.size import match_parameters, parameter_count

_STEP = 4  # widths are multiples of this: attention heads divide them
_TOLERANCE = 0.2  # of the smallest models, whose widths come in large steps; others are far nearer


def matched_network(model: str, reference: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, Any]:
    """Network options of `model` with the number of parameters of Geometric Hyena of the `reference` options.

    Depth and vector channels stay; `hidden_dim` is the multiple of 4 that comes nearest.

    Args:
        model: name of the model.
        reference: network options of Geometric Hyena.
        inputs: `scalar_dim`, `vector_dim` and `edge_dim` of the graphs.

    Raises:
        InputError: where no width comes near.
    """

    def build(name: str, hidden: int) -> nn.Module:
        options = {**reference, "hidden_dim": hidden, "edge_dim": inputs["edge_dim"]}
        with torch.device("meta"):
            return build_model(name, inputs["scalar_dim"], inputs["vector_dim"], options)

    if model == "geometric-hyena":
        return dict(reference)
    wanted = parameter_count(build("geometric-hyena", reference["hidden_dim"]))
    width = match_parameters(lambda w: build(model, w), wanted, tolerance=_TOLERANCE, step=_STEP)
    return {**reference, "hidden_dim": width}
