"""Error measures; sums are taken in float64."""

from torch import Tensor


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
