"""What a benchmark can be told, and sizes of memory in words."""

import re
from dataclasses import dataclass

from geometric_hyena.errors import InputError
from geometric_hyena.memory import GIB

_UNITS = {"B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": GIB, "TIB": 1 << 40}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Settings:
    """Options of `ghyena benchmark`; all but the first are for `scaling`, the last two for many models.

    Attributes:
        quick: the short lengths only.
        channels: C, vector channels.
        memory: bytes for which the largest N is asked.
        limit: seconds; a peer is not measured where a call would take longer.
        limit_memory: bytes; nothing is measured where a call would take more.
        models: names of the models; none: the block and its twins.
        training: forward and backward, too.
    """

    quick: bool = False
    channels: int = 16
    memory: int = 24 * GIB
    limit: int = 60
    limit_memory: int = 12 * GIB
    models: tuple[str, ...] = ()
    training: bool = False


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
