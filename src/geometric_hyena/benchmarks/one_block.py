"""One block on a long chain, as the benchmarks run it: what `block` and `scaling` measure."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from geometric_hyena.benchmarks.peers import MaterialisedAttentionBlock
from geometric_hyena.geometry.neighbors import pack_neighbors, sequence_neighbors
from geometric_hyena.geometry.rotations import random_rotation
from geometric_hyena.layers.attention import DotProductAttentionBlock
from geometric_hyena.layers.context_block import ContextBlock
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.layers.projection import Geometry, neighbor_offsets
from geometric_hyena.operators.segments import equal_length_runs

HIDDEN, NEIGHBORS, GLOBAL_TOKENS = 80, 16, 4

OURS, FUSED, MATERIALISED = "Geometric Hyena", "fused attention", "materialised attention"
KINDS: dict[str, type[ContextBlock]] = {
    OURS: GeometricHyenaBlock,
    FUSED: DotProductAttentionBlock,
    MATERIALISED: MaterialisedAttentionBlock,
}
MODES = ("forward", "training")


class Prepared(NamedTuple):
    """What is measured of a model at one size, and the bytes that it is given beforehand."""

    call: Callable[[], object]
    held: int


def prepare(name: str, length: int, channels: int, device: torch.device) -> dict[str, Prepared]:
    """By mode: forward; and forward and backward, to parameters and inputs as in the middle of a network."""
    block = make_block(name, channels).to(device)
    scalars, vectors, geometry = chain(length, channels, device, torch.float32)
    cotangents = torch.randn_like(scalars), torch.randn_like(vectors)
    return {
        "forward": prepared_forward(block, scalars, vectors, geometry),
        "training": prepared_training(block, scalars, vectors, geometry, cotangents),
    }


def prepared_forward(block: ContextBlock, scalars: Tensor, vectors: Tensor, geometry: Geometry) -> Prepared:
    """The block without gradients, and the bytes of inputs and parameters."""

    def forward() -> object:
        with torch.no_grad():
            return block(scalars, vectors, geometry)

    shared = geometry.positions, geometry.index, geometry.edges, geometry.coefficients, geometry.sequence
    # Edges that are made for a chunk at a time are made of a mask, too, a byte for each.
    mask = 0 if geometry.edges_of is None else geometry.index.numel()
    return Prepared(forward, _bytes(scalars, vectors, *shared, *block.parameters()) + mask)


def prepared_training(
    block: ContextBlock,
    scalars: Tensor,
    vectors: Tensor,
    geometry: Geometry,
    cotangents: tuple[Tensor, Tensor],
) -> Prepared:
    """Forward and backward, to parameters and inputs; the bytes with those of the outputs' gradients."""
    leaves = [scalars.detach().requires_grad_(), vectors.detach().requires_grad_()]

    def training() -> object:
        return torch.autograd.grad(block(*leaves, geometry), [*leaves, *block.parameters()], cotangents)

    given = prepared_forward(block, scalars, vectors, geometry).held
    return Prepared(training, given + _bytes(*cotangents))


def _bytes(*tensors: Tensor) -> int:
    return sum(x.numel() * x.element_size() for x in tensors)


def check(channels: int, device: torch.device) -> None:
    """Raise AssertionError unless the blocks are equivariant, in the precision they are timed in, too.

    What is timed afterwards has been compiled here.
    """
    prepare(OURS, 64, channels, device)["training"].call()
    rotation = random_rotation()
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 2e-3)):
        for name in KINDS:
            block = make_block(name, channels).to(device, dtype)
            with torch.no_grad():
                before = block(*chain(64, channels, device, dtype))
                after = block(*chain(64, channels, device, dtype, rotation))
            turned = before[1] @ rotation.T.to(device, dtype)
            torch.testing.assert_close(after[0], before[0], rtol=tolerance, atol=tolerance)
            torch.testing.assert_close(after[1], turned, rtol=tolerance, atol=tolerance)


def make_block(name: str, channels: int) -> ContextBlock:
    """A block by name."""
    torch.manual_seed(0)
    projection = {"hidden": HIDDEN, "edges": 1, "global_tokens": GLOBAL_TOKENS}
    return KINDS[name](HIDDEN, channels, projection=projection)


def chain(
    length: int, channels: int, device: torch.device, dtype: torch.dtype, rotation: Tensor | None = None
) -> tuple[Tensor, Tensor, Geometry]:
    """A chain whose neighbours are the eight before and after; search is not what is measured."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(length, 3, generator=generator, dtype=torch.float64).cumsum(0)
    positions -= positions.mean(dim=0)
    vectors = torch.randn(length, channels, 3, generator=generator, dtype=torch.float64)
    scalars = torch.randn(length, HIDDEN, generator=generator, dtype=torch.float64)
    if rotation is not None:
        positions, vectors = positions @ rotation.T, vectors @ rotation.T
    table = pack_neighbors([sequence_neighbors(length, NEIGHBORS // 2)], [length], NEIGHBORS)
    positions, vectors, scalars = (x.to(device, dtype) for x in (positions, vectors, scalars))
    index, mask = table.index.to(device), table.mask.to(device)
    return scalars, vectors, chain_geometry(positions, index, mask)


def chain_geometry(positions: Tensor, index: Tensor, mask: Tensor) -> Geometry:
    """What a block is told of one sequence: positions (N, 3), neighbours (N, K) and which of them are any."""

    def edges_of(start: int, stop: int) -> tuple[Tensor, Tensor]:
        return chain_edges(positions[start:stop], positions, index[start:stop], mask[start:stop])

    sequence = torch.zeros(len(positions), dtype=torch.int64, device=positions.device)
    return Geometry.of(positions, index, edges_of, equal_length_runs([len(positions)]), sequence)


def chain_edges(positions: Tensor, known: Tensor, index: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Edges (n, K, 1) and coefficients (n, K, 4) of some tokens of a chain; neighbours: rows of `known`."""
    offsets = neighbor_offsets(positions, known, index)
    kept = mask[..., None].to(positions.dtype)
    edges = offsets.square().sum(dim=-1, keepdim=True) / 100
    return edges, torch.cat([kept, kept * offsets / NEIGHBORS], dim=-1)
