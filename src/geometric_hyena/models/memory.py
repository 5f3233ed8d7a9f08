"""Memory of the models that hold tables of N x N numbers, predicted from their sizes.

A few numbers in float32 for every pair of tokens, and more for every token. The constants were measured on a
CPU; `tests/models/test_memory.py` holds them within a factor of two. Other models, the fused attention among
them, grow with N alone, and nothing is predicted for them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from geometric_hyena.models.registry import defaults_of

_FLOAT = 4
_NEIGHBORS = 16

# (lengths of the molecules of a batch, options, training or not) -> bytes at the peak
Cost = Callable[[Sequence[int], Mapping[str, Any], bool], float]


def _vn_transformer(lengths: Sequence[int], options: Mapping[str, Any], training: bool) -> float:
    """Scores and weights of the attention of all heads; in training the weights of every layer are kept."""
    hidden, blocks = options["hidden_dim"], options["blocks"]
    tables = blocks + 3 if training else 3
    pair = tables * math.gcd(hidden, options["heads"]) * _FLOAT
    token = hidden * (1040 * blocks if training else 600)
    return sum(pair * n * n + token * n for n in lengths)


def _equiformer(lengths: Sequence[int], options: Mapping[str, Any], training: bool) -> float:
    """Offsets, distances and indices of all pairs; features of edges, in training those of every layer.

    Molecules go through it one at a time: of what is not kept for the backward, the largest counts.
    """
    numbers = options["neighbors"] * (options["hidden_dim"] + 3 * options["vector_channels"])
    if training:
        return 75 * max(lengths) ** 2 + numbers * (120 + 233 * options["blocks"]) * sum(lengths)
    return 75 * max(lengths) ** 2 + numbers * 206 * max(lengths)


_COSTS: dict[str, Cost] = {"vn-transformer": _vn_transformer, "equiformer": _equiformer}


def has_tables(name: str) -> bool:
    """Whether the model of that name holds tables of N x N numbers."""
    return name in _COSTS


def predicted_bytes(
    name: str, lengths: Sequence[int], options: Mapping[str, Any], *, training: bool
) -> float:
    """Memory that a batch takes, bytes beside what the model and its input hold.

    Args:
        name: of a model that `has_tables`.
        lengths: tokens of every molecule of the batch.
        options: those that the model is built with, and `neighbors`; others are at their defaults.
        training: with what the backward pass needs, or without.
    """
    return _COSTS[name](lengths, {"neighbors": _NEIGHBORS, **defaults_of(name), **options}, training)
