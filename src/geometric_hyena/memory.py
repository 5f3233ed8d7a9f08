"""How much memory there is, sizes of memory in words, and what this process holds."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from geometric_hyena.errors import InputError

if TYPE_CHECKING:
    import torch

GIB = 1 << 30
_UNITS = {"B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": GIB, "TIB": 1 << 40}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

_MEMORY = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")


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


def memory_size(text: str, option: str) -> int:
    """Bytes of a size such as "24GiB", "500 MiB" or "8 GB".

    Raises:
        InputError: for anything else, naming the option.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?B)", text.strip(), flags=re.IGNORECASE)
    unit = _UNITS.get(match[2].upper()) if match else None
    size = int(float(match[1]) * unit) if match and unit else 0
    if size < 1:
        raise InputError(f"{option}: expected a size of memory such as 24GiB or 500MiB, got '{text}'")
    return size


def spoken_size(size: float) -> str:
    """Bytes in the largest binary unit that leaves at least one: "24 GiB", "13.5 MiB"."""
    for unit, name in ((GIB, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 1000 * unit else f"{size / unit:,.0f} {name}"
    return f"{size:.0f} bytes"


def resident_bytes(field: str = "VmRSS") -> int | None:
    """Memory that this process holds; None where Linux does not tell.

    Args:
        field: "VmRSS", now, or "VmHWM", at most so far.
    """
    return 1024 * kibibytes(_STATUS, field) if _STATUS.exists() else None
