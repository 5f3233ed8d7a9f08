"""`ghyena benchmark messages`: aggregated message moments over concatenated per-edge messages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geometric_hyena.benchmarks import peers
from geometric_hyena.benchmarks.measure import interleaved_medians, peak_bytes
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.layers.projection import Messages, Senders
from geometric_hyena.operators.kernels import kernels, native_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOKENS, QUICK_TOKENS = 30_000, 5000


class OwnMessages(Messages):
    """Our layer with the peer's arguments: all tokens send, all receive."""

    def forward(self, f: Tensor, index: Tensor, edges: Tensor, coefficients: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(T, D), (T, K), (T, K, E), (T, K, 4) -> (T, 4, H)."""
        return super().forward(f, Senders(self.rows(f)), index, edges, coefficients)


def title(settings: Settings) -> str:
    """What is measured."""
    tokens = QUICK_TOKENS if settings.quick else TOKENS
    return f"Local messages (time as ratios, memory in bytes; T = {tokens:,} tokens)"


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless our messages equal the concatenated ones, forward and gradients.

    In double precision, and in the single precision that is timed.
    """
    for choice in _choices(device):
        with kernels(choice):
            _check(torch.float64, 1e-9, device)
            _check(torch.float32, 1e-3, device)


def _check(dtype: torch.dtype, tolerance: float, device: torch.device) -> None:
    ours, peer, arguments = _problem(200, 7, 12, device, dtype)
    outputs = [ours(*arguments), peer(*arguments)]
    torch.testing.assert_close(outputs[0], outputs[1], rtol=tolerance, atol=tolerance / 10)
    grads = [torch.autograd.grad(out.sin().sum(), arguments[0])[0] for out in outputs]
    torch.testing.assert_close(grads[0], grads[1], rtol=tolerance, atol=tolerance / 10)


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a number of neighbours and kernel."""
    for neighbors in (16, 32):
        yield from _rows(QUICK_TOKENS if settings.quick else TOKENS, neighbors, 80, device)


def _rows(tokens: int, neighbors: int, hidden: int, device: torch.device) -> Iterator[dict[str, Any]]:
    ours, peer, arguments = _problem(tokens, neighbors, hidden, device, torch.float32)
    parameters = [arguments[0], *ours.parameters()]
    others = [arguments[0], *peer.parameters()]
    cotangent = torch.randn_like(ours(*arguments).detach())

    def under(choice, call):
        def run():
            with kernels(choice):
                return call()

        return run

    def forward():
        with torch.no_grad():
            return ours(*arguments)

    def peer_forward():
        with torch.no_grad():
            return peer(*arguments)

    def both():
        return torch.autograd.grad(ours(*arguments), parameters, cotangent)

    f = {"peer": peer_forward}
    fb = {"peer": lambda: torch.autograd.grad(peer(*arguments), others, cotangent)}
    for choice in _choices(device):
        f[choice] = under(choice, forward)
        fb[choice] = under(choice, both)
    f_seconds, fb_seconds = interleaved_medians(f), interleaved_medians(fb)
    for choice in _choices(device):
        yield {
            "k": neighbors,
            "H": hidden,
            "kernels": choice,
            "concatenated / ours, forward": f_seconds["peer"] / f_seconds[choice],
            "concatenated / ours, f+b": fb_seconds["peer"] / fb_seconds[choice],
            "bytes per token, forward": peak_bytes(f[choice], warm=True) / tokens,
            "bytes per token, f+b": peak_bytes(fb[choice], warm=True) / tokens,
            "concatenated: bytes per token, forward": peak_bytes(f["peer"], warm=True) / tokens,
            "concatenated: bytes per token, f+b": peak_bytes(fb["peer"], warm=True) / tokens,
        }


def _choices(device: torch.device) -> list[str]:
    return ["torch", "native"] if native_backend(torch.empty(0, device=device)) else ["torch"]


def _problem(tokens: int, neighbors: int, hidden: int, device: torch.device, dtype: torch.dtype):
    """Our layer, the concatenated one with the same weights, and inputs for both."""
    torch.manual_seed(0)
    ours = OwnMessages(hidden, 1, hidden).to(device, dtype)
    peer = peers.ConcatenatedMessages(hidden, 1, hidden).to(device, dtype)
    with torch.no_grad():
        weight = torch.cat([ours.receiver.weight, ours.sender.weight, ours.edges.T], dim=1)
        peer.perceptron.weight.copy_(weight)
        peer.perceptron.bias.copy_(ours.receiver.bias)
    scalars = torch.randn(tokens, hidden, device=device, dtype=dtype, requires_grad=True)
    # neighbours near in the sequence, as in a chain
    offsets = torch.randint(-50, 50, (tokens, neighbors), device=device)
    index = (torch.arange(tokens, device=device)[:, None] + offsets).clamp(0, tokens - 1)
    edges = torch.rand(tokens, neighbors, 1, device=device, dtype=dtype)
    coefficients = torch.randn(tokens, neighbors, 4, device=device, dtype=dtype)
    return ours, peer, (scalars, index, edges, coefficients)


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """What is asked of the messages at k = 16, what was measured, and whether it holds."""
    asked = {"torch": 9.0, "native": 14.0}
    return [
        verdict(
            f"concatenated / ours, forward, k = 16, H = 80, kernels {row['kernels']}",
            row["concatenated / ours, forward"],
            "least",
            asked[row["kernels"]],
        )
        for row in found
        if row["k"] == 16
    ]


def figure(record: dict[str, Any]) -> "Figure":
    """Speed over concatenated messages, and memory of both."""
    from geometric_hyena.benchmarks.figures import messages_figure

    return messages_figure(record["rows"])
