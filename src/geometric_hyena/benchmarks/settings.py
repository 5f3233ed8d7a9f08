"""What a benchmark can be told."""

from dataclasses import dataclass

from geometric_hyena.memory import GIB


@dataclass(frozen=True)
class Settings:
    """Options of `ghyena benchmark`; all but the first are for `scaling` and `streaming`.

    The last two are for `scaling` of many models.

    Attributes:
        quick: the short lengths only.
        channels: C, vector channels.
        memory: bytes for which the largest N is asked, or in which to stream.
        tokens: N of `streaming`.
        limit: seconds; a peer is not measured where a call would take longer.
        limit_memory: bytes; nothing is measured where a call would take more.
        models: names of the models; none: the block and its twins.
        training: forward and backward, too.
    """

    quick: bool = False
    channels: int = 16
    memory: int = 24 * GIB
    tokens: int = 1_000_000
    limit: int = 60
    limit_memory: int = 12 * GIB
    models: tuple[str, ...] = ()
    training: bool = False
