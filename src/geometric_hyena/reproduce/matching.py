"""Widths at which models have as many parameters as Geometric Hyena: the papers' fair comparison."""

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from geometric_hyena.models.descriptions import DESCRIPTIONS
from geometric_hyena.models.registry import build_model
from geometric_hyena.models.size import match_parameters, parameter_count

_STEP = 4  # widths are multiples of this: attention heads divide them
_TOLERANCE = 0.2  # of the smallest models, whose widths come in large steps; others are far nearer
_NEED_MEMORY = ("tfn",)  # its constants are read while it is built


def matched_network(model: str, reference: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, Any]:
    """Network options of `model` with the number of parameters of Geometric Hyena of the `reference` options.

    Depth and vector channels stay; `hidden_dim` is the multiple of 4 that comes nearest. Laws of motion
    without scalar channels keep the width of the reference: published with few parameters, they would need
    thousands of channels.

    Args:
        model: name of the model.
        reference: network options of Geometric Hyena.
        inputs: `scalar_dim`, `vector_dim` and `edge_dim` of the graphs.

    Raises:
        InputError: where no width comes near.
    """
    if model == "geometric-hyena" or DESCRIPTIONS[model].gives == ("vectors",):
        return dict(reference)
    return {**reference, "hidden_dim": _width(model, tuple(reference.items()), tuple(inputs.items()))}


@functools.cache
def _width(model: str, reference: tuple[tuple[str, Any], ...], inputs: tuple[tuple[str, int], ...]) -> int:
    """The width asked for; models of a second's building are not built again for every column of a table."""
    options, sizes = dict(reference), dict(inputs)

    def build(name: str, hidden: int) -> nn.Module:
        chosen = {**options, "hidden_dim": hidden, "edge_dim": sizes["edge_dim"]}
        with torch.device("cpu" if name in _NEED_MEMORY else "meta"):
            return build_model(name, sizes["scalar_dim"], sizes["vector_dim"], chosen)

    wanted = parameter_count(build("geometric-hyena", options["hidden_dim"]))
    return match_parameters(lambda width: build(model, width), wanted, tolerance=_TOLERANCE, step=_STEP)
