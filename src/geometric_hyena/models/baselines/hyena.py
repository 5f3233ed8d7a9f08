"""Hyena (Poli et al., 2023), both ways, over coordinates: a baseline without symmetry, O(N log N)."""

import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn

from geometric_hyena.geometry.positional import positional_features
from geometric_hyena.models.baselines.sequence_model import SequenceModel

_FEATURES, _FILTER_HIDDEN = 16, 32
# Windows of the filters: channels see from a few tokens to thousands.
_SHORTEST, _LONGEST = 4.0, 4096.0


class ImplicitFilter(nn.Module):
    """A perceptron with sine activations from the lag to a filter, times an exponential window.

    Two filters, for what comes before and what comes after. Together they have unit L1 norm, so that outputs
    stay of the size of inputs at any length.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Linear(_FEATURES, _FILTER_HIDDEN)
        self.second = nn.Linear(_FILTER_HIDDEN, _FILTER_HIDDEN)
        self.last = nn.Linear(_FILTER_HIDDEN, 2 * channels, bias=False)
        decay = torch.logspace(math.log10(_SHORTEST), math.log10(_LONGEST), channels).reciprocal()
        self.register_buffer("decay", decay, persistent=False)

    def forward(self, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Filters (D, N) by lag 0 to N - 1: of tokens before (0: itself), of tokens after (0: nothing)."""
        decay = self.get_buffer("decay")
        lag = torch.arange(length, device=decay.device, dtype=dtype)
        features = positional_features(length, _FEATURES).to(decay.device, dtype)
        hidden = torch.sin(self.second(torch.sin(self.first(features))))
        window = torch.exp(-decay.to(dtype)[:, None] * lag)
        before, after = (self.last(hidden).T.to(dtype).unflatten(0, (2, -1)) * window).unbind()
        after = torch.cat([torch.zeros_like(after[:, :1]), after[:, 1:]], dim=1)
        norm = before.abs().sum(dim=1, keepdim=True) + after.abs().sum(dim=1, keepdim=True)
        return before / (norm + 1e-6), after / (norm + 1e-6)


class HyenaOperator(nn.Module):
    """Order 2: y = x_0 (h * (x_1 v) + b x_1 v), projections smoothed by a convolution over three tokens."""

    def __init__(self, hidden: int):
        super().__init__()
        self.projection = nn.Linear(hidden, 3 * hidden)
        self.short = nn.Conv1d(3 * hidden, 3 * hidden, kernel_size=3, padding=1, groups=3 * hidden)
        self.filter = ImplicitFilter(hidden)
        self.skip = nn.Parameter(torch.randn(hidden))
        self.output = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        gate, inner, values = self.short(self.projection(x).transpose(1, 2)).chunk(3, dim=1)
        product = inner * values
        mixed = self._convolve(product) + self.skip[:, None] * product
        return self.output((gate * mixed).transpose(1, 2))

    def _convolve(self, signal: Tensor) -> Tensor:
        """u_i = sum_(j <= i) before_(i - j) s_j + sum_(j > i) after_(j - i) s_j, for signals (B, D, N)."""
        length = signal.shape[-1]
        # FFTs want single precision at least, whatever autocast says.
        full = torch.promote_types(signal.dtype, torch.float32)
        with torch.autocast(signal.device.type, enabled=False):
            before, after = self.filter(length, torch.promote_types(self.skip.dtype, torch.float32))
            size = int(next_fast_len(2 * length, real=True) or 0)
            # Lags after a token are negative, and stand at the end of the circle.
            padding = before.new_zeros(before.shape[0], size - 2 * length + 1)
            kernel = torch.cat([before, padding, after[:, 1:].flip(1)], dim=1)
            spectrum = torch.fft.rfft(signal.to(full), n=size) * torch.fft.rfft(kernel.to(full), n=size)
            return torch.fft.irfft(spectrum, n=size)[..., :length].to(signal.dtype)


class Hyena(SequenceModel):
    """Hyena blocks on flattened positions, vectors and scalars; NOT equivariant.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, channels.
        vector_channels: C, vectors per token in the output.
        blocks: number of blocks.
        edge_dim: E, features per edge that the graphs bring; not looked at.
        radius: the unit in which the model sees positions.
    """

    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        vector_channels: int = 8,
        blocks: int = 3,
        *,
        edge_dim: int = 0,
        radius: float = 10.0,
    ):
        mixers: list[nn.Module] = [HyenaOperator(hidden_dim) for _ in range(blocks)]
        super().__init__(mixers, scalar_dim, vector_dim, hidden_dim, vector_channels, edge_dim, radius)
