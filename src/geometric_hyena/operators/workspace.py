"""Scratch memory that is used again: fresh pages cost more than the arithmetic done in them."""

import threading
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

# Larger scratch tensors are given back at once.
_KEEP_BYTES = 1 << 25
_local = threading.local()


def scratch(name: str, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """An uninitialised tensor that stays valid until the same name is asked for again in this thread.

    On a GPU, and where it is large, simply a new tensor: the GPU's allocator keeps its own pool.
    """
    numbers = prod(shape)
    if device.type != "cpu" or numbers * dtype.itemsize > _KEEP_BYTES:
        return torch.empty(shape, dtype=dtype, device=device)
    buffers: dict[tuple[str, torch.dtype], Tensor] = _local.__dict__.setdefault("buffers", {})
    held = buffers.get((name, dtype))
    if held is None or held.numel() < numbers:
        held = buffers[name, dtype] = torch.empty(numbers, dtype=dtype)
    return held[:numbers].view(*shape)


def forget_scratch() -> None:
    """Give back the scratch memory of this thread."""
    _local.__dict__.pop("buffers", None)
