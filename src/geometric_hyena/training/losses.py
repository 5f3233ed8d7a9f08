"""Losses as functions of sums over the samples: sums of batches, and of processes, give the loss of all.

A mean of the batches' losses would depend on how samples are dealt out; the loss of the added sums does not.
"""

from typing import Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """A loss that `of` takes from what `sums` adds up."""

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """What is added up over samples, any shape."""
        ...

    def of(self, sums: Tensor) -> Tensor:
        """The loss, a scalar."""
        ...


class MeanSquaredError:
    """Mean of the squared errors of all numbers."""

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """(2,): squared errors, and how many there are."""
        squared = (prediction - target).square().sum()
        return torch.stack([squared, torch.full_like(squared, target.numel())])

    def of(self, sums: Tensor) -> Tensor:
        return sums[0] / sums[1]


class MeanColumnRMSE:
    """Mean over the targets of their root mean squared errors, where they were measured.

    Targets (n, T) are NaN where nothing was measured; those without any value do not count. The loss is 0
    where nothing at all was measured.
    """

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """(2, T): squared errors of every target, and how many values were measured."""
        known = torch.isfinite(target)
        # NaN has to leave before the difference, or its gradient would stay.
        error = torch.where(known, prediction - torch.where(known, target, 0.0), 0.0)
        return torch.stack([error.square().sum(dim=0), known.sum(dim=0).to(error.dtype)])

    def of(self, sums: Tensor) -> Tensor:
        squared, counts = sums
        # The root has no slope at zero.
        column = torch.sqrt(squared / counts.clamp(min=1) + 1e-12)
        return torch.where(counts > 0, column, 0.0).sum() / (counts > 0).sum().clamp(min=1)


def mean_column_rmse(prediction: Tensor, target: Tensor) -> Tensor:
    """`MeanColumnRMSE` of one batch, (n, T) each."""
    loss = MeanColumnRMSE()
    return loss.of(loss.sums(prediction, target))
