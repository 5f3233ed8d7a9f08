"""Losses of several targets, some of them not measured."""

import torch
from torch import Tensor


def mean_column_rmse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over the targets of their root mean squared errors, where they were measured.

    Args:
        prediction: (n, T).
        target: (n, T), NaN where nothing was measured; targets without any value do not count.

    Returns:
        A scalar; 0 where nothing at all was measured.
    """
    known = torch.isfinite(target)
    # NaN has to leave before the difference, or its gradient would stay.
    error = torch.where(known, prediction - torch.where(known, target, 0.0), 0.0)
    count = known.sum(dim=0)
    mean = error.square().sum(dim=0) / count.clamp(min=1)
    # The root has no slope at zero.
    column = torch.sqrt(mean + 1e-12)
    return torch.where(count > 0, column, 0.0).sum() / (count > 0).sum().clamp(min=1)
