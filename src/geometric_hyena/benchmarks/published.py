"""What the papers' runtime figures say of their layers against attention, on a GPU of 24 GiB."""

from typing import NamedTuple

from geometric_hyena.memory import GIB

# One A10G, on which both papers measured.
BUDGET = 24 * GIB


class Published(NamedTuple):
    """Numbers of one figure.

    Attributes:
        length: N at which the paper compares time and memory.
        speed: how many times faster than attention it says its layer is there.
        memory: how many times less memory it says its layer takes there, None where that is lost.
        longer: how many times longer a context it says fits.
        tokens: how many tokens it says fit.
    """

    length: int
    speed: float
    memory: float | None
    longer: float
    tokens: int


GEOMETRIC_HYENA = Published(30_000, speed=20, memory=None, longer=72, tokens=2_700_000)
SE3_HYENA = Published(20_000, speed=3.5, memory=18, longer=175, tokens=3_500_000)
