"""Scratch memory that is used again: fresh pages cost more than the arithmetic done in them."""

import threading
from functools import cache
from math import prod

import torch
from torch import Tensor

# Larger scratch tensors are given back at once.
_KEEP_BYTES = 1 << 25
# So many shapes are remembered.
_SHAPES = 256


class _Buffers(threading.local):
    def __init__(self) -> None:
        self.memory: dict[tuple[str, torch.dtype], Tensor] = {}
        self.views: dict[tuple[str, torch.dtype, tuple[int, ...]], Tensor] = {}


_buffers = _Buffers()


def scratch(name: str, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """An uninitialised tensor that stays valid until the same name is asked for again in this thread.

    On a GPU, where it is large, and while a program is traced, simply a new tensor: the GPU's allocator
    keeps its own pool.
    """
    # What is traced, or only pretends to be a tensor, is no memory: held, it would be given to a later call
    # that computes.
    if device.type != "cpu" or torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return torch.empty(shape, dtype=dtype, device=device)
    view = _buffers.views.get((name, dtype, shape))
    if view is not None:
        return view
    numbers = prod(shape)
    if numbers * dtype.itemsize > _KEEP_BYTES:
        return torch.empty(shape, dtype=dtype)
    # A tensor made under inference mode could never be written to outside of it.
    with torch.inference_mode(False):
        held = _buffers.memory.get((name, dtype))
        if held is None or held.numel() < numbers:
            held = _buffers.memory[name, dtype] = torch.empty(numbers, dtype=dtype)
            _buffers.views.clear()
        elif len(_buffers.views) >= _SHAPES:
            _buffers.views.clear()
        view = _buffers.views[name, dtype, shape] = held[:numbers].view(shape)
    return view


def forget_scratch() -> None:
    """Give back the scratch memory of this thread."""
    _buffers.views.clear()
    _buffers.memory.clear()


@cache
def keep_freed_memory() -> None:
    """Ask the C library to hold what is freed, up to 64 MiB, instead of giving it back at every call.

    Fresh pages cost more than the arithmetic in them. The GNU library holds back twice the size of the
    largest block freed so far, if that has at most 32 MiB; so one is freed, whose pages were never touched.
    Elsewhere nothing happens.
    """
    torch.empty((1 << 25) - (1 << 16), dtype=torch.uint8)
