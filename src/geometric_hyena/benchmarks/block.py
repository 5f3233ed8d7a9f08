"""`ghyena benchmark block`: the whole block against its attention twins, and its memory per token."""

import math
from collections.abc import Iterator
from typing import Any

import torch

from geometric_hyena.benchmarks.measure import interleaved_medians, peak_bytes
from geometric_hyena.benchmarks.peers import MaterialisedAttentionBlock
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.geometry.neighbors import pack_neighbors, sequence_neighbors
from geometric_hyena.geometry.rotations import random_rotation
from geometric_hyena.layers.attention import DotProductAttentionBlock
from geometric_hyena.layers.context_block import ContextBlock
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.layers.projection import Geometry
from geometric_hyena.operators.segments import equal_length_runs

LENGTHS = (128, 512, 1024, 2048, 8192, 32_768, 131_072, 1_048_576)
HIDDEN, CHANNELS, NEIGHBORS = 80, 16, 16
_FUSED_LARGEST, _MATERIALISED_LARGEST = 8192, 8192
_TRAINING_LARGEST = 262_144
TITLE = "One block, H = 80, C = 16, k = 16 (time as ratios, memory in bytes per token)"


def check(device: torch.device) -> None:
    """Raise AssertionError unless the blocks to be timed are equivariant."""
    rotation = random_rotation()
    for kind in (GeometricHyenaBlock, DotProductAttentionBlock, MaterialisedAttentionBlock):
        block = _block(kind).to(device, torch.float64)
        scalars, vectors, geometry = _inputs(64, device, torch.float64, rotation=None)
        turned = _inputs(64, device, torch.float64, rotation=rotation)
        with torch.no_grad():
            before, after = block(scalars, vectors, geometry), block(*turned)
        torch.testing.assert_close(after[0], before[0], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(after[1], before[1] @ rotation.T.to(device), rtol=1e-9, atol=1e-9)


def rows(quick: bool, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a length."""
    for length in LENGTHS[:5] if quick else LENGTHS:
        yield _row(length, device)


def _row(length: int, device: torch.device) -> dict[str, Any]:
    inputs = _inputs(length, device, torch.float32)

    def forward(kind):
        block = _block(kind).to(device)

        def call():
            with torch.no_grad():
                return block(*inputs)

        return call

    calls = {"ours": forward(GeometricHyenaBlock)}
    if length <= _FUSED_LARGEST:
        calls["fused"] = forward(DotProductAttentionBlock)
    if length <= _MATERIALISED_LARGEST:
        calls["materialised"] = forward(MaterialisedAttentionBlock)
    seconds = interleaved_medians(calls, repeats=3)
    row: dict[str, Any] = {
        "N": length,
        "microseconds per token": 1e6 * seconds["ours"] / length,
        "fused attention / ours": seconds["fused"] / seconds["ours"] if "fused" in seconds else None,
        "materialised / ours": (
            seconds["materialised"] / seconds["ours"] if "materialised" in seconds else None
        ),
        "bytes per token, forward": peak_bytes(calls["ours"]) / length,
        "bytes per token, training": None,
    }
    if length <= _TRAINING_LARGEST:
        block = _block(GeometricHyenaBlock).to(device)

        def train():
            scalars, vectors = block(*inputs)
            (scalars.sum() + vectors.sum()).backward()

        row["bytes per token, training"] = peak_bytes(train) / length
    return row


def _block(kind: type[ContextBlock]) -> ContextBlock:
    torch.manual_seed(0)
    return kind(HIDDEN, CHANNELS, projection={"hidden": HIDDEN, "edges": 1, "global_tokens": 4})


def _inputs(length: int, device: torch.device, dtype: torch.dtype, rotation=None):
    """A chain whose neighbours are the eight before and after; search is not what is measured."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(length, 3, generator=generator, dtype=torch.float64).cumsum(0)
    positions -= positions.mean(dim=0)
    vectors = torch.randn(length, CHANNELS, 3, generator=generator, dtype=torch.float64)
    scalars = torch.randn(length, HIDDEN, generator=generator, dtype=torch.float64)
    if rotation is not None:
        positions, vectors = positions @ rotation.T, vectors @ rotation.T
    table = pack_neighbors([sequence_neighbors(length, NEIGHBORS // 2)], [length])
    positions, vectors, scalars = (x.to(device, dtype) for x in (positions, vectors, scalars))
    index, mask = table.index.to(device), table.mask.to(device)
    offsets = positions[:, None] - positions[index]
    kept = mask[..., None].to(dtype)
    coefficients = torch.cat([kept, kept * offsets / NEIGHBORS], dim=-1)
    edges = offsets.square().sum(dim=-1, keepdim=True) / 100
    sequence = torch.zeros(length, dtype=torch.int64, device=device)
    geometry = Geometry(positions, index, edges, coefficients, equal_length_runs([length]), sequence)
    return scalars, vectors, geometry


def targets(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is asked of the block, what was measured, and whether it holds."""
    by_length = {row["N"]: row for row in found}
    fused_bound = 9.0 if torch.get_num_threads() == 1 else 7.0
    asked = []
    if 8192 in by_length:
        fused = by_length[8192]["fused attention / ours"]
        asked.append(("fused attention / ours, N = 8,192", fused, "least", fused_bound))
    if 1_048_576 in by_length:
        longest, shorter = by_length[1_048_576], by_length[32_768]
        growth = longest["microseconds per token"] / shorter["microseconds per token"]
        exponent = 1 + math.log(growth) / math.log(1_048_576 / 32_768)
        forward = longest["bytes per token, forward"]
        asked += [
            ("bytes per token, forward, N = 1M", forward, "most", 2200),
            ("tokens forward in 24 GiB, millions", 24 * 2**30 / forward / 1e6, "least", 10),
            ("exponent of time, 32k to 1M", exponent, "most", 1.1),
        ]
    training = [row for row in found if row["bytes per token, training"] is not None]
    if training:
        used = training[-1]["bytes per token, training"]
        where = f"N = {training[-1]['N']:,}"
        asked += [
            (f"bytes per token, training, {where}", used, "most", 6000),
            (f"tokens in training in 24 GiB, millions, from {where}", 24 * 2**30 / used / 1e6, "least", 4),
        ]
    return [verdict(*line) for line in asked]
