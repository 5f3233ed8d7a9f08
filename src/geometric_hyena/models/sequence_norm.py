"""Normalisation of what was pooled over sequences."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class SequenceNorm(nn.Module):
    """Pooled channels less their mean over sequences, divided by their standard deviation.

    Sequences that are much alike, such as variants of one molecule, have nearly the same sums: what tells
    them apart is a few per cent of a sum, and a head learns the rest first, if anything else at all. In
    training mean and deviation are those of the batch (batch normalisation), so that a gradient, too, is of
    what tells its sequences apart; afterwards they are kept values, and what is said of a sequence depends on
    no other. One sequence alone meets the kept values in training, too.

    Kept are moving averages over the batches, until `measured` puts better ones in their place: what all
    sums have in common is many of their deviations, and dropout or an average of weights moves it by several.

    Args:
        channels: D.
        momentum: weight of a batch in the moving averages.
        eps: added to the variance: channels in which sequences differ by less are left small.
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor

    def __init__(self, channels: int, momentum: float = 0.3, eps: float = 1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.register_buffer("seen", torch.zeros(()))
        self.met: list[Tensor] | None = None

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        mean, variance = self.mean, self.variance
        if self.training and len(pooled) > 1:
            variance, mean = torch.var_mean(pooled, dim=0, correction=0)
        normalised = (pooled - mean) * torch.rsqrt(variance + self.eps)
        if self.met is not None:
            self.met.append(pooled.detach())
        elif self.training:
            self._follow(pooled, mean, variance)
        return normalised

    @torch.no_grad()
    def keep(self, mean: Tensor, variance: Tensor) -> None:
        """Keep mean and variance (D,) from now on."""
        # In place: processes that train together have taken hold of these tensors.
        self.mean.copy_(mean)
        self.variance.copy_(variance)
        self.seen.fill_(1)

    @torch.no_grad()
    def _follow(self, pooled: Tensor, mean: Tensor, variance: Tensor) -> None:
        # What the averages start from would weigh on them, and on averages of them, for long: the first batch
        # takes its place.
        weight = 1 - (1 - self.momentum) * self.seen
        if len(pooled) == 1:  # no deviation of its own, but a distance from what is usual
            variance = torch.where(self.seen > 0, (pooled[0] - mean).square(), self.variance)
            mean = pooled[0]
        self.keep(
            self.mean.lerp(mean.to(self.mean), weight), self.variance.lerp(variance.to(self.mean), weight)
        )


@contextmanager
def measured(module: nn.Module) -> Iterator[None]:
    """Have every `SequenceNorm` of a module keep mean and variance of all sequences it meets inside::

    with torch.no_grad(), measured(model.eval()):
        for batch in batches:
            model(batch)
    """
    norms = [part for part in module.modules() if isinstance(part, SequenceNorm)]
    for norm in norms:
        norm.met = []
    try:
        yield
        for norm in norms:
            met = torch.cat(norm.met) if norm.met else norm.mean[None]
            if len(met) > 1:
                norm.keep(*reversed(torch.var_mean(met, dim=0, correction=0)))
    finally:
        for norm in norms:
            norm.met = None
