"""One block on a long chain as in `benchmarks.one_block`, made where it is measured: for millions of tokens.

Drawing on the CPU and in double precision, as there, would take longer than the block and more memory.
"""

from typing import Any

import torch
from torch import Tensor

from geometric_hyena.benchmarks.measure import times_and_peaks
from geometric_hyena.benchmarks.one_block import (
    HIDDEN,
    NEIGHBORS,
    Prepared,
    chain_geometry,
    make_block,
    prepared_forward,
    prepared_training,
)
from geometric_hyena.gpu_evidence.device import says_out_of_memory
from geometric_hyena.gpu_evidence.ladder import FAILED, MEASURED, OUT_OF_MEMORY
from geometric_hyena.layers.projection import Geometry


def measured(name: str, mode: str, length: int, channels: int, device: torch.device) -> dict[str, Any]:
    """Time and memory of a block at one size, or that there was not enough memory, inputs included."""
    row: dict[str, Any] = {"model": name, "mode": mode, "N": length}
    try:
        prepared = prepare(name, mode, length, channels, device)
        found = times_and_peaks({"call": prepared.call}, repeats=3)["call"]
    except (RuntimeError, MemoryError) as error:
        if says_out_of_memory(error):
            return row | {"outcome": OUT_OF_MEMORY}
        return row | {"outcome": FAILED, "why": (str(error).strip().splitlines() or [repr(error)])[0]}
    return row | {
        "outcome": MEASURED,
        "seconds": found.seconds,
        "bytes per token": found.bytes / length,
        "input bytes": prepared.held,
        "peak bytes": found.bytes + prepared.held,
    }


def prepare(name: str, mode: str, length: int, channels: int, device: torch.device) -> Prepared:
    """What is called: forward, or forward and backward to parameters and inputs; and the bytes of its inputs.

    Scalars and vectors lie in memory tokens last, as a block before would leave them.
    """
    block = make_block(name, channels).to(device)
    geometry = long_chain(length, device)
    generator = torch.Generator(device).manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, length, generator=generator, device=device)

    def features() -> tuple[Tensor, Tensor]:
        return draw(HIDDEN).T, draw(3, channels).permute(2, 1, 0)

    scalars, vectors = features()
    if mode == "forward":
        return prepared_forward(block, scalars, vectors, geometry)
    return prepared_training(block, scalars, vectors, geometry, features())


def long_chain(length: int, device: torch.device) -> Geometry:
    """A chain whose neighbours are the eight before and after, float32."""
    generator = torch.Generator(device).manual_seed(0)
    steps = torch.randn(length, 3, generator=generator, device=device, dtype=torch.float64)
    positions = steps.cumsum(0)
    positions = (positions - positions.mean(dim=0)).float()
    del steps
    reach = NEIGHBORS // 2
    places = torch.tensor([o for o in range(-reach, reach + 1) if o != 0], device=device)
    own = torch.arange(length, device=device)[:, None]
    index = own + places
    inside = (index >= 0) & (index < length)
    index = torch.where(inside, index, own)
    return chain_geometry(positions, index, inside)
