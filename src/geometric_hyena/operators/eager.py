"""What `torch.compile` leaves as it is: code with kernels, gradients and memory plans of its own."""

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import torch

P = ParamSpec("P")
R = TypeVar("R")

_REASON = "geometric_hyena has own kernels: compile without fullgraph=True"


def eager(function: Callable[P, R]) -> Callable[P, R]:
    """A function that a compiled program calls as it stands, native kernels included.

    A compiler would trace the plain-torch path, unroll the chunks and start again at every new length.
    `torch.compiler.disable` imports the compiler, which takes as long as all of torch: it is asked for once
    somebody else has.
    """
    outside: list[Callable[P, R]] = []

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **kwargs)
        if torch.compiler.is_dynamo_compiling():
            # Spelled out: the compiler shows nothing but a literal.
            torch._dynamo.graph_break(msg="geometric_hyena has own kernels: compile without fullgraph=True")
        if not outside:
            outside.append(cast(Any, torch.compiler.disable(function, reason=_REASON)))
        return outside[0](*args, **kwargs)

    # What `torch.compiler.disable` says to the compiler of what it has wrapped.
    called.__dict__.update(_torchdynamo_disable=True, _torchdynamo_disable_msg=_REASON)
    return called
