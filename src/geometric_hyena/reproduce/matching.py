"""Widths at which models have as many parameters as Geometric Hyena: the papers' fair comparison."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from geometric_hyena.models.registry import build_model

_STEP = 4  # widths are multiples of this: attention heads divide them
_WIDEST = 4096


def matched_network(model: str, reference: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, Any]:
    """Network options of `model` with the number of parameters of Geometric Hyena of the `reference` options.

    Depth and vector channels stay; `hidden_dim` is the multiple of 4 that comes nearest.

    Args:
        model: name of the model.
        reference: network options of Geometric Hyena.
        inputs: `scalar_dim`, `vector_dim` and `edge_dim` of the graphs.
    """
    if model == "geometric-hyena":
        return dict(reference)

    @cache
    def size(name: str, hidden: int) -> int:
        return _parameters(name, {**reference, "hidden_dim": hidden}, inputs)

    wanted = size("geometric-hyena", reference["hidden_dim"])
    low, high = 1, _WIDEST // _STEP
    while low < high:  # the first width that has enough
        middle = (low + high) // 2
        low, high = (low, middle) if size(model, middle * _STEP) >= wanted else (middle + 1, high)
    nearest = min((x for x in (low - 1, low) if x > 0), key=lambda x: abs(size(model, x * _STEP) - wanted))
    return {**reference, "hidden_dim": nearest * _STEP}


def _parameters(model: str, network: Mapping[str, Any], inputs: Mapping[str, int]) -> int:
    with torch.device("meta"):
        options = {**network, "edge_dim": inputs["edge_dim"]}
        built = build_model(model, inputs["scalar_dim"], inputs["vector_dim"], options)
    return sum(p.numel() for p in built.parameters())
