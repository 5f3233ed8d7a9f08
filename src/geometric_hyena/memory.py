"""How much memory there is, and sizes of memory in words."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GIB = 1 << 30

_MEMORY = Path("/proc/meminfo")


def free_bytes(device: "torch.device") -> int | None:
    """Memory that the device has to give now; None where that is not known."""
    if device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info(device)[0]
    return 1024 * kibibytes(_MEMORY, "MemAvailable") if _MEMORY.exists() else None


def kibibytes(file: Path, field: str) -> int:
    """A field of a file of Linux's /proc."""
    lines = file.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def spoken_size(size: float) -> str:
    """Bytes in the largest binary unit that leaves at least one: "24 GiB", "13.5 MiB"."""
    for unit, name in ((GIB, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 1000 * unit else f"{size / unit:,.0f} {name}"
    return f"{size:.0f} bytes"
