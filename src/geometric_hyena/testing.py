"""Checks of a model's symmetries, for our models and for users' own.

A model is anything that takes a `GeometricBatch` and gives an object with `scalars` (T, D), `vectors`
(T, C, 3) and `positions` (T, 3); any of them may be None.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from geometric_hyena.geometry.graph import GeometricBatch, GeometricGraph, collate
from geometric_hyena.geometry.rotations import random_rotation

Model = Callable[[GeometricBatch], Any]


def transform(graph: GeometricGraph, rotation: Tensor, shift: Tensor) -> GeometricGraph:
    """Rotate a graph's positions and vectors by `rotation` (3, 3), then shift its positions by (3,)."""
    rotation, shift = rotation.to(graph.positions.dtype), shift.to(graph.positions.dtype)
    vectors = None if graph.vectors is None else graph.vectors @ rotation.T
    return replace(graph, positions=graph.positions @ rotation.T + shift, vectors=vectors)


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Root mean square of the difference over the root mean square of what was expected.

    Zero where a model gives no channels of this kind.
    """
    actual, expected = actual.detach(), expected.detach()
    if not expected.numel() and actual.shape == expected.shape:
        return 0.0
    scale = expected.square().mean().sqrt().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((actual - expected).square().mean().sqrt() / scale)


def equivariance_error(
    model: Model,
    graphs: Sequence[GeometricGraph],
    rotation: Tensor,
    shift: Tensor | None = None,
    **collate_options: Any,
) -> float:
    """Largest relative error of scalars staying, vectors rotating, positions rotating and shifting."""
    shift = torch.zeros(3, dtype=rotation.dtype) if shift is None else shift
    with torch.no_grad():
        before = model(collate(graphs, **collate_options))
        after = model(collate([transform(g, rotation, shift) for g in graphs], **collate_options))
    rotation, shift = rotation.to(graphs[0].positions.dtype), shift.to(graphs[0].positions.dtype)
    pairs = {
        "scalars": lambda x: x,
        "vectors": lambda x: x @ rotation.T,
        "positions": lambda x: x @ rotation.T + shift,
    }
    errors = [
        relative_error(getattr(after, name), move(getattr(before, name)))
        for name, move in pairs.items()
        if getattr(before, name) is not None
    ]
    if not errors:
        raise ValueError("model: gives neither scalars nor vectors nor positions")
    # Of numbers that are none, max() would make any.
    return next((error for error in errors if math.isnan(error)), max(errors))


def assert_equivariant(
    model: Model,
    graphs: Sequence[GeometricGraph],
    *,
    tolerance: float = 1e-9,
    trials: int = 3,
    seed: int = 0,
    **collate_options: Any,
) -> None:
    """Raise AssertionError unless the model commutes with random proper rotations and translations.

    Args:
        model: takes a `GeometricBatch`; use float64 weights and graphs for the default tolerance.
        graphs: the molecules to try it on.
        tolerance: largest relative error allowed.
        trials: number of random transformations.
        seed: of those transformations.
        collate_options: passed on to `collate` (`k`, `radius`).
    """
    generator = torch.Generator().manual_seed(seed)
    for trial in range(trials):
        rotation = random_rotation(generator)
        shift = 20 * torch.randn(3, generator=generator, dtype=torch.float64)
        error = equivariance_error(model, graphs, rotation, shift, **collate_options)
        assert error <= tolerance, (
            f"trial {trial}: relative equivariance error {error:.2e} exceeds {tolerance:.0e} "
            f"under a random rotation and translation"
        )


def assert_batch_invariant(
    model: Model, graphs: Sequence[GeometricGraph], *, tolerance: float = 1e-5, **collate_options: Any
) -> None:
    """Raise AssertionError unless each molecule's answer is the same alone, in the batch, and in it shuffled.

    Args:
        model: takes a `GeometricBatch`.
        graphs: at least two, best of different lengths.
        tolerance: largest relative error allowed.
        collate_options: passed on to `collate` (`k`, `radius`).
    """
    with torch.no_grad():
        alone = [model(collate([graph], **collate_options)) for graph in graphs]
        for order in (list(range(len(graphs))), list(reversed(range(len(graphs))))):
            batch = collate([graphs[i] for i in order], **collate_options)
            together = model(batch)
            for name in ("scalars", "vectors", "positions"):
                packed = getattr(together, name)
                if packed is None:
                    continue
                for i, part in zip(order, batch.split(packed), strict=True):
                    error = relative_error(part, getattr(alone[i], name))
                    assert error <= tolerance, (
                        f"{name} of graph {i}: relative error {error:.2e} between alone and in a batch of "
                        f"{len(graphs)} in order {order} exceeds {tolerance:.0e}"
                    )
