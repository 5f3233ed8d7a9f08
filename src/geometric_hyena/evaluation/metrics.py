"""Error measures; sums are taken in float64."""

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor

from geometric_hyena.errors import InputError


def vector_metrics(predicted: Tensor, measured: Tensor) -> dict[str, float]:
    """Errors of vectors (..., 3), such as displacements, over everything and x, y, z.

    Returns:
        `mse` in the square of their unit (mean over x, y, z too, as in the papers), `rmse` and `mae` in it.
    """
    error = (predicted - measured).double()
    mse = float(error.square().mean())
    return {"mse": mse, "rmse": mse**0.5, "mae": float(error.abs().mean())}


def atom_squared_errors(predicted: Tensor, measured: Tensor) -> Tensor:
    """Mean squared error of every atom over frames (F, N, 3) -> (N,), angstrom^2, mean over x, y, z."""
    return (predicted - measured).double().square().mean(dim=(0, 2))


def regression_metrics(predicted: np.ndarray, measured: np.ndarray) -> dict[str, float]:
    """Errors of T targets (n, T), where they were measured (finite).

    Returns:
        `rmse` and `mae` over all values; `mcrmse`, the mean of the columns' RMSEs; `r2` and `spearman`, means
        over the columns in which measured values vary (NaN where there is none).

    Raises:
        InputError: where shapes differ or nothing was measured.
    """
    if predicted.shape != measured.shape or measured.ndim != 2:
        raise InputError(f"expected two arrays (n, T) alike, got {predicted.shape} and {measured.shape}")
    known = np.isfinite(measured)
    if not known.any():
        raise InputError("nothing was measured: all targets are NaN")
    error = np.where(known, predicted - np.where(known, measured, 0.0), np.nan).astype(np.float64)
    columns, r2, spearman = [], [], []
    for column in np.flatnonzero(known.any(axis=0)):
        rows = known[:, column]
        said, true = predicted[rows, column].astype(np.float64), measured[rows, column].astype(np.float64)
        columns.append(np.sqrt(np.mean((said - true) ** 2)))
        if np.ptp(true) > 0:
            r2.append(1 - np.sum((said - true) ** 2) / np.sum((true - true.mean()) ** 2))
            # A constant prediction orders nothing.
            spearman.append(np.asarray(spearmanr(said, true))[0] if np.ptp(said) > 0 else 0.0)
    return {
        "rmse": float(np.sqrt(np.nanmean(error**2))),
        "mcrmse": float(np.mean(columns)),
        "mae": float(np.nanmean(np.abs(error))),
        "r2": float(np.mean(r2)) if r2 else float("nan"),
        "spearman": float(np.mean(spearman)) if spearman else float("nan"),
    }
