"""The GPU: what it is, a cap on its memory, and how it says that there is no more."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from geometric_hyena.memory import GIB
from geometric_hyena.provenance import environment


def first_gpu() -> torch.device:
    """The GPU, by its number: a cap is set for none without."""
    return torch.device("cuda", 0)


def gpu_environment() -> dict[str, Any]:
    """Versions and hardware that a result came from, those of the GPU among them."""
    found = environment()
    found |= {"cuda": torch.version.cuda, "triton": _triton_version()}
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        found |= {
            "gpu_memory_gib": round(about.total_memory / GIB, 1),
            "gpu_capability": f"{about.major}.{about.minor}",
            "cudnn": torch.backends.cudnn.version(),
        }
    return found


def _triton_version() -> str | None:
    try:
        import triton
    except ImportError:
        return None
    return triton.__version__


def cap_matters(cap: int | None, device: torch.device) -> bool:
    """Whether a cap in bytes leaves less than the device has; on a CPU there is none."""
    if cap is None or device.type != "cuda":
        return False
    return cap < torch.cuda.get_device_properties(device).total_memory


@contextmanager
def capped(cap: int | None, device: torch.device) -> Iterator[None]:
    """Let this process allocate no more than `cap` bytes of the GPU; without effect where none matters."""
    if not cap_matters(cap, device):
        yield
        return
    assert cap is not None
    release()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(cap / total, device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def release() -> None:
    """Give back what the process holds of the GPU but does not use."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def says_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has ended: the allocator's own, or a library's in other words."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in said or "alloc_failed" in said)


def still_answers(device: torch.device) -> bool:
    """Whether the device can be used on: after an illegal access no call of the process succeeds."""
    try:
        return torch.ones(1, device=device).add(1).item() == 2
    except RuntimeError:
        return False
