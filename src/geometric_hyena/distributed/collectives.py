"""Collectives that autograd can go through.

The loss is the sum of what the ranks differentiate. So the gradient of a sum over ranks is a sum over ranks,
and that of rows sent elsewhere is sent home.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.operators.derivatives import first_derivatives_only

LinearMap = Callable[[Tensor], Tensor]


class _ThereAndBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, there: LinearMap, back: LinearMap) -> Tensor:
        ctx.back = back
        return there(x)

    @staticmethod
    @first_derivatives_only
    def backward(ctx, grad: Tensor):
        return ctx.back(grad), None, None


def there_and_back(x: Tensor, there: LinearMap, back: LinearMap) -> Tensor:
    """there(x), whose gradients come by `back`: its adjoint, the way home of what was sent."""
    return _ThereAndBack.apply(x, there, back)


class SharedParameters(torch.autograd.Function):
    """Parameters as they are; their gradients are summed over the ranks, all in one message.

    A parameter that no rank has a gradient for has none afterwards, as in a single process.
    """

    @staticmethod
    def forward(ctx, ranks: Ranks, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.ranks, ctx.like = ranks, [p.detach() for p in parameters]
        ctx.set_materialize_grads(False)
        return tuple(p.view_as(p) for p in parameters)

    @staticmethod
    @first_derivatives_only
    def backward(ctx, *grads: Tensor | None):
        like = ctx.like
        found: list[Tensor | None] = [None] * len(like)
        for dtype in dict.fromkeys(p.dtype for p in like):
            places = [i for i, p in enumerate(like) if p.dtype == dtype]
            there = like[places[0]].new_tensor([float(grads[i] is not None) for i in places])
            numbers = [_flat(grads[i], like[i]) for i in places]
            total = ctx.ranks.sum(torch.cat([there, *numbers]), "sum of the parameters' gradients")
            parts = total[len(places) :].split([like[i].numel() for i in places])
            for i, part, count in zip(places, parts, total[: len(places)].tolist(), strict=True):
                found[i] = part.view(like[i].shape) if count else None
        return None, *found


def _flat(grad: Tensor | None, like: Tensor) -> Tensor:
    return like.new_zeros(like.numel()) if grad is None else grad.reshape(-1)


def sum_over_ranks(x: Tensor, ranks: Ranks, purpose: str) -> Tensor:
    """The sum of all ranks' x, and of its gradients."""

    def total(x: Tensor) -> Tensor:
        return ranks.sum(x, purpose)

    return there_and_back(x, total, total)


def shared_parameters(parameters: Sequence[Tensor], ranks: Ranks) -> tuple[Tensor, ...]:
    """The same parameters, whose gradients are summed over the ranks."""
    return SharedParameters.apply(ranks, *parameters)
