"""What `torch.compile` leaves as it is: code with kernels, gradients and memory plans of its own."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import torch

P = ParamSpec("P")
R = TypeVar("R")


def eager(function: Callable[P, R]) -> Callable[P, R]:
    """A function that a compiled program calls as it stands, native kernels included.

    A compiler would trace the plain-torch path, unroll the chunks and start again at every new length.
    """
    reason = (
        "geometric_hyena runs it by kernels of its own, outside the graph; compile without fullgraph=True"
    )
    return cast(Callable[P, R], torch.compiler.disable(function, reason=reason))
