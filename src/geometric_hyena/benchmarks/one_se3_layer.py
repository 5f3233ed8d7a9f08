"""One layer of SE(3)-Hyena beside the same layer with cross-product attention: what Figure 5 compares.

Its paper does not give the widths. 16 scalar channels are those of its associative recall; one vector channel
is what lets attention over 20,000 tokens, four numbers a pair, run on the 24 GB of the paper's GPU.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from geometric_hyena.benchmarks.one_block import Prepared
from geometric_hyena.benchmarks.one_layer import prepared_layer
from geometric_hyena.benchmarks.peers import SE3TransformerBlock
from geometric_hyena.geometry.rotations import random_rotation
from geometric_hyena.layers.se3_hyena_block import SE3HyenaBlock
from geometric_hyena.testing import relative_error

SCALARS, VECTORS, GATE = 16, 1, 8
SE3_HYENA, IN_CHUNKS, MATERIALISED = "SE(3)-Hyena", "attention in chunks", "attention, materialised"

_OPTIONS = {
    "gate_dim": GATE,
    "perceptron": {"width": max(SCALARS, VECTORS), "layers": 1, "product": "steerable"},
}
LAYERS: dict[str, Callable[[], nn.Module]] = {
    SE3_HYENA: lambda: SE3HyenaBlock(SCALARS, VECTORS, **_OPTIONS),
    IN_CHUNKS: lambda: SE3TransformerBlock(SCALARS, VECTORS, materialised=False, **_OPTIONS),
    MATERIALISED: lambda: SE3TransformerBlock(SCALARS, VECTORS, materialised=True, **_OPTIONS),
}


def check(device: torch.device) -> None:
    """Raise AssertionError unless the layers are equivariant, and both attentions the same."""
    scalars, vectors, lengths = _inputs(50, device)
    scalars, vectors = scalars.double(), vectors.double()
    rotation = random_rotation(torch.Generator().manual_seed(0)).to(device)
    said = {}
    for name in LAYERS:
        layer = _made(name).to(device, torch.float64)
        with torch.no_grad():
            said[name] = layer(scalars, vectors, lengths)
            turned = layer(scalars, vectors @ rotation.T, lengths)
        for after, before in zip(turned, (said[name][0], said[name][1] @ rotation.T), strict=True):
            error = relative_error(after, before)
            assert error < 1e-9, f"{name}: relative equivariance error {error:.1e}"
    for one, other in zip(said[IN_CHUNKS], said[MATERIALISED], strict=True):
        error = relative_error(one, other)
        assert error < 1e-9, f"attention in chunks and materialised differ by {error:.1e}"


def prepare(name: str, length: int, modes: Sequence[str], device: torch.device) -> dict[str, Prepared]:
    """By mode: forward; and forward and backward, to parameters alone."""
    return prepared_layer(_made(name).to(device), _inputs(length, device), {}, modes)


def _made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return LAYERS[name]()


def _inputs(length: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Scalars and vectors of one sequence, and its length, which stays on the CPU."""
    generator = torch.Generator().manual_seed(0)
    scalars = torch.randn(length, SCALARS, generator=generator)
    vectors = torch.randn(length, VECTORS, 3, generator=generator)
    return scalars.to(device), vectors.to(device), torch.tensor([length])
