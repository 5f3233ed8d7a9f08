"""`ghyena benchmark block`: the whole block against its attention twins, and its memory per token."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from geometric_hyena.benchmarks import one_block
from geometric_hyena.benchmarks.measure import times_and_peaks
from geometric_hyena.benchmarks.one_block import FUSED, MATERIALISED, OURS
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LENGTHS = (128, 512, 1024, 2048, 8192, 16_384)
CHANNELS = (1, 16, 80)
_MATERIALISED_LARGEST = 8192


def title(settings: Settings) -> str:
    """What is measured."""
    return "One block, H = 80, k = 16 (time as ratios, memory in bytes per token)"


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless the blocks to be timed are equivariant."""
    for channels in CHANNELS[:2]:
        one_block.check(channels, device)


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a length and number of channels."""
    for length in LENGTHS[:5] if settings.quick else LENGTHS:
        for channels in CHANNELS:
            yield _row(length, channels, device)


def _row(length: int, channels: int, device: torch.device) -> dict[str, Any]:
    names = [OURS, FUSED] + ([MATERIALISED] if length <= _MATERIALISED_LARGEST else [])
    forward = {name: one_block.prepare(name, length, channels, device)["forward"].call for name in names}
    training = one_block.prepare(OURS, length, channels, device)["training"].call
    found = times_and_peaks(forward | {"training": training}, repeats=3)
    seconds = {name: measured.seconds for name, measured in found.items()}
    return {
        "N": length,
        "C": channels,
        "microseconds per token": 1e6 * seconds[OURS] / length,
        "fused attention / ours": seconds[FUSED] / seconds[OURS],
        "materialised / ours": seconds[MATERIALISED] / seconds[OURS] if MATERIALISED in seconds else None,
        "training / forward": seconds["training"] / seconds[OURS],
        "bytes per token, forward": found[OURS].bytes / length,
        "bytes per token, training": found["training"].bytes / length,
    }


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """What is asked of the block, what was measured, and whether it holds; its memory: see `scaling`."""
    bound = 9.0 if torch.get_num_threads() == 1 else 7.0
    return [
        verdict(
            f"fused attention / ours, N = 8,192, C = {row['C']}",
            row["fused attention / ours"],
            "least",
            bound,
        )
        for row in found
        if row["N"] == 8192 and row["C"] > 1
    ]


def figure(record: dict[str, Any]) -> "Figure":
    """Time of the twins over ours, and memory per token."""
    from geometric_hyena.benchmarks.figures import block_figure

    return block_figure(record["rows"])
