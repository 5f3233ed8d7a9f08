"""Global context tokens: a few weighted means of all tokens that summarise the whole molecule."""

import torch
from torch import Tensor, nn

from geometric_hyena.layers.siren import Siren
from geometric_hyena.operators.segments import Run


class GlobalContext(nn.Module):
    """x_g = 1/N sum_i w_g(i/N) x_i and f_g likewise, with w from a SIREN of the place in the sequence.

    Rotates with its input. A shift of the positions shifts x_g only where the weights average to one, so
    the model centres positions first.
    """

    def __init__(self, tokens: int):
        super().__init__()
        self.tokens = tokens
        self.weights = Siren(tokens)

    def forward(self, scalars: Tensor, positions: Tensor, runs: list[Run]) -> tuple[Tensor, Tensor]:
        """(T, D), (T, 3) -> global scalars (B, G, D), global positions (B, G, 3)."""
        joined = torch.cat([positions, scalars], dim=-1)
        means = []
        for run in runs:
            place = torch.arange(run.length, device=scalars.device, dtype=scalars.dtype)[:, None] / run.length
            weights = self.weights(place).to(joined.dtype) / run.length
            block = joined[run.start : run.stop].unflatten(0, (run.count, run.length))
            means.append(weights.T @ block)
        mean = torch.cat(means)
        return mean[..., 3:], mean[..., :3]
