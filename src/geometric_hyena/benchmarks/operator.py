"""`ghyena benchmark operator`: geometric_long_conv over the floor of its FFTs and over the papers' way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geometric_hyena.benchmarks import peers
from geometric_hyena.benchmarks.measure import interleaved_medians, peak_bytes
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.memory import free_bytes
from geometric_hyena.operators import geometric_long_conv, reference
from geometric_hyena.operators.convolution_torch import CHUNK_ELEMENTS
from geometric_hyena.operators.fft import fft_length

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LENGTHS = (4096, 30_000, 30_011, 262_144, 1_048_576)
CHANNELS = (1, 16, 80)
# Copies of q that forward and backward take, ours and the sixteen convolutions', and the memory for these.
_COPIES, _PEER_COPIES, _PEER_BYTES = 10, 30, 12 << 30


def title(settings: Settings) -> str:
    """What is measured."""
    return "Geometric long convolution (time as ratios, memory in copies of q)"


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless forward and gradients agree with the direct sum at awkward lengths.

    In double precision, and in the single precision that is timed.
    """
    for length in (1, 2, 3, 31, 64, 97):
        _check(length, torch.float64, 1e-9, device)
        _check(length, torch.float32, 1e-3, device)


def _check(length: int, dtype: torch.dtype, tolerance: float, device: torch.device) -> None:
    tensors = _inputs(length, 3, device, dtype)
    results = []
    for function in (geometric_long_conv, reference.geometric_long_conv):
        leaves = [t.clone().requires_grad_() for t in tensors]
        scalar, vector = function(*leaves)
        grads = torch.autograd.grad(scalar.sin().sum() + vector.cos().sum(), leaves)
        results.append([scalar, vector, *grads])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance / 10)


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a length and number of channels."""
    for length in LENGTHS[:3] if settings.quick else LENGTHS:
        for channels in CHANNELS:
            free = free_bytes(device)
            if free is None or _COPIES * _copy_bytes(length, channels) <= free:
                yield _row(length, channels, device)


def _row(length: int, channels: int, device: torch.device) -> dict[str, Any]:
    tensors = _inputs(length, channels, device, torch.float32)
    leaves = [t.detach().requires_grad_() for t in tensors]
    cotangents = tuple(torch.randn_like(t) for t in geometric_long_conv(*tensors))

    def both(function):
        return lambda: torch.autograd.grad(function(*leaves), leaves, cotangents)

    floor = _Floor(length, channels, device)
    forward = {"floor": floor.twelve, "ours": lambda: geometric_long_conv(*tensors)}
    backward = {"floor": floor.twenty_four, "ours": both(geometric_long_conv)}
    copy = _copy_bytes(length, channels)
    free = free_bytes(device)
    compare = _PEER_COPIES * copy <= (_PEER_BYTES if free is None else min(_PEER_BYTES, free))
    if compare:
        forward["sixteen"] = lambda: peers.sixteen_convolutions(*tensors)
        forward["outer"] = lambda: peers.vector_convolution_by_outer_product(tensors[1], tensors[3])
        backward["sixteen"] = both(peers.sixteen_convolutions)
    f, fb = interleaved_medians(forward), interleaved_medians(backward)
    return {
        "N": length,
        "C": channels,
        "FFT length": fft_length(length),
        "seconds per element": f["ours"] / (4 * channels * length),
        "forward / floor": f["ours"] / f["floor"],
        "f+b / floor": fb["ours"] / fb["floor"],
        "sixteen / ours, forward": f["sixteen"] / f["ours"] if compare else None,
        "sixteen / ours, f+b": fb["sixteen"] / fb["ours"] if compare else None,
        "Code 1 / ours, forward": f["outer"] / f["ours"] if compare else None,
        "peak memory / q": peak_bytes(forward["ours"], warm=True) / copy,
    }


def _copy_bytes(length: int, channels: int) -> int:
    """Four components in single precision."""
    return 4 * channels * length * 4


class _Floor:
    """The FFTs alone, at our lengths, a few channels at a time.

    Without `out=`, which makes torch transform into fresh memory and copy.
    """

    def __init__(self, length: int, channels: int, device: torch.device):
        self.transform = fft_length(length)
        step = min(channels, max(1, CHUNK_ELEMENTS // self.transform))
        self.turns = -(-channels // step)
        self.signal = torch.randn(4 * step, self.transform, device=device)
        self.spectrum = torch.fft.rfft(self.signal)

    def twelve(self) -> None:
        """8 there and 4 back, as 4 + 4 + 4."""
        self._run(2, 1)

    def twenty_four(self) -> None:
        """12 there and 12 back."""
        self._run(3, 3)

    def _run(self, there: int, back: int) -> None:
        for _ in range(self.turns):
            for _ in range(there):
                torch.fft.rfft(self.signal)
            for _ in range(back):
                torch.fft.irfft(self.spectrum, n=self.transform)


def _inputs(length: int, channels: int, device: torch.device, dtype: torch.dtype) -> list[Tensor]:
    """Queries and keys as the layers hand them over: components first in memory, one sequence."""
    torch.manual_seed(0)
    tensors = []
    for _ in range(2):
        buffer = torch.randn(4, channels, length, device=device, dtype=dtype)
        tensors += [buffer[0].T[None], buffer[1:].permute(2, 1, 0)[None]]
    return [*tensors, torch.randn(5, channels, device=device, dtype=dtype)]


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """What is asked of the operator, what was measured, and whether it holds."""

    def worst(key: str, keep=lambda row: True, pick=max) -> float | None:
        values = [row[key] for row in found if row[key] is not None and keep(row)]
        return pick(values) if values else None

    def at(length: int) -> float | None:
        values = [r["seconds per element"] for r in found if r["N"] == length and r["C"] == 16]
        return values[0] if values else None

    prime, smooth = at(30_011), at(30_000)
    long = lambda row: row["N"] >= 30_000  # noqa: E731
    prime_ratio = prime / smooth if prime and smooth else None
    asked = [
        ("forward / floor, N >= 30,000", worst("forward / floor", long), "most", 1.15),
        ("forward / floor, N = 4,096", worst("forward / floor", lambda r: r["N"] == 4096), "most", 1.3),
        ("forward + backward / floor", worst("f+b / floor"), "most", 1.4),
        ("peak memory forward, copies of q", worst("peak memory / q", long), "most", 2.0),
        ("prime N = 30,011 over 30,000, C = 16", prime_ratio, "most", 2.5),
        ("sixteen / ours, forward", worst("sixteen / ours, forward", long, min), "least", 4.0),
        ("sixteen / ours, f+b", worst("sixteen / ours, f+b", long, min), "least", 6.0),
    ]
    return [verdict(*line) for line in asked]


def figure(record: dict[str, Any]) -> "Figure":
    """Time over the floor, beside sixteen convolutions."""
    from geometric_hyena.benchmarks.figures import operator_figure

    return operator_figure(record["rows"])
