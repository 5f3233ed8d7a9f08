"""Gradients of one chunk of tokens after the other, where all chunks share parameters and some inputs."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Totals:
    """Gradients to what all chunks share, summed over the chunks."""

    def __init__(self, leaves: Sequence[Tensor], sums: Sequence[Tensor | None] | None = None):
        self.leaves = list(leaves)
        self.sums: list[Tensor | None] = [None] * len(self.leaves) if sums is None else list(sums)

    def add(self, grads: Sequence[Tensor | None]) -> None:
        """Add one chunk's gradients, None where it has none."""
        for i, grad in enumerate(grads):
            if grad is not None:
                before = self.sums[i]
                self.sums[i] = grad if before is None else before + grad


def chunk_gradients(
    outputs: Sequence[Tensor], grads: Sequence[Tensor], leaves: list[Tensor], totals: Totals
) -> list[Tensor | None]:
    """Gradients to the leaves of one chunk; those to what is shared are added to the totals."""
    pairs = [(x, g) for x, g in zip(outputs, grads, strict=True) if x.requires_grad]
    shared = [i for i, x in enumerate(totals.leaves) if x.requires_grad]
    if not pairs:
        return [None] * len(leaves)
    found = torch.autograd.grad(
        [x for x, _ in pairs],
        [*leaves, *(totals.leaves[i] for i in shared)],
        [g for _, g in pairs],
        allow_unused=True,
    )
    grads_of = dict(zip(shared, found[len(leaves) :], strict=True))
    totals.add([grads_of.get(i) for i in range(len(totals.leaves))])
    return list(found[: len(leaves)])


def through_shared(
    shared: Sequence[Tensor], grads: Sequence[Tensor | None], sums: Tensor | None, totals: Totals
) -> Tensor | None:
    """Gradient to the sums over all tokens that what is shared was made of; None without such sums."""
    if sums is None:
        return None
    coming = [torch.zeros_like(x) if g is None else g for x, g in zip(shared, grads, strict=True)]
    return chunk_gradients(shared, coming, [sums], totals)[0]
