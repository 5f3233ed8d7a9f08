"""What our own gradients can be asked for, and how the rest is refused: none is ever silently zero."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad


def differentiated(*tensors: Tensor) -> bool:
    """Whether a derivative by any of these tensors may be asked for.

    Under forward-mode differentiation it always may: PyTorch refuses that for functions without a rule.
    """
    # The level is the only way to ask before unpacking each tensor.
    if forward_ad._current_level >= 0:  # pyright: ignore[reportPrivateUsage]
        return True
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def first_derivatives_only(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate the `backward` of an autograd function whose gradients cannot be differentiated again.

    It refuses `create_graph=True`. PyTorch's `once_differentiable` ends in an error later, and only where the
    search for a second derivative happens to pass it: behind a sum, or by `torch.autograd.grad` of a loss
    that has other terms, second derivatives would silently be taken for zero.
    """

    @wraps(backward)
    def wrapped(ctx: Any, *grads: Tensor | None) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "second derivatives (create_graph=True) through long convolutions, messages and blocks of "
                "geometric_hyena are not supported; differentiate once"
            )
        return backward(ctx, *grads)

    return wrapped
