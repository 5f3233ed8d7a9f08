"""Size of a model in parameters, and the width that gives a model a size asked for."""

from collections.abc import Callable

import torch
from torch import nn

from geometric_hyena.errors import InputError


def parameter_count(module: nn.Module) -> int:
    """Number of trainable parameters; one that is shared counts once."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def match_parameters(
    build: Callable[[int], nn.Module], target: int, *, tolerance: float = 0.05, step: int = 1
) -> int:
    """The width with which a model has `target` parameters, as near as widths allow.

    The papers compare models at equal numbers of parameters. Models are built, a few beyond the answer, and
    thrown away; the state of the random generator stays what it was.

    Args:
        build: makes the model of a width; its number of parameters must grow with the width.
        target: number of parameters asked for.
        tolerance: largest relative difference allowed.
        step: widths tried are multiples of this.

    Raises:
        InputError: where no width comes near enough, naming the nearest.
    """

    def count(multiple: int) -> int:
        with torch.random.fork_rng(devices=[]):
            return parameter_count(build(multiple * step))

    counts = {1: count(1)}
    above = 1
    while counts[above] < target:
        above *= 2
        counts[above] = count(above)
        if counts[above] <= counts[above // 2]:
            raise InputError(f"match_parameters: the model has {counts[above]:,} parameters at any width")
    below = above // 2
    while above - below > 1:
        middle = (above + below) // 2
        counts[middle] = count(middle)
        below, above = (middle, above) if counts[middle] < target else (below, middle)
    nearest = min(counts, key=lambda multiple: abs(counts[multiple] - target))
    if abs(counts[nearest] - target) > tolerance * target:
        around = [f"{counts[m]:,} at width {m * step}" for m in (below, above) if m in counts]
        raise InputError(
            f"match_parameters: no width gives {target:,} parameters within {100 * tolerance:g} %; "
            f"ask for one of the nearest: {', '.join(around)}"
        )
    return nearest * step
