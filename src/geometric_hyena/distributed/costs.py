"""What the two ways of a sharded convolution move, and why it is transposed; memory and time at other sizes.

With P ranks, n = N / P tokens on each, C channels of p components: queries and keys go in, the result comes
out, 3 p C numbers a token.

- Transposition (`transposed`): each number goes once, to the rank that convolves its channel, and stays where
  it is with probability 1/P. A rank sends 3 p C n (P - 1) / P. Where P does not divide C some ranks have a
  channel more than others, and more comes in there: 3 p n (P - 1) ceil(C / P) at most.
- Four-step FFT: tokens in contiguous ranges, as neighbours want them, are transposed to columns of an N1 x N2
  matrix, and after the columns' FFTs to rows; inverse likewise: two all-to-alls each way, and of a real
  signal half of the spectrum, which is as many numbers again. So 2 * 3 p C n (P - 1) / P, and more where N is
  not a product of two fast lengths. The least is half of that, one all-to-all each way, if tokens could lie
  in columns from the start.

Transposition moves that least, half of what the four-step FFT moves here, and its numbers are those of a
single process. With fewer channels than half the ranks, some rank has more than twice its share of them:
there the four-step FFT moves fewer numbers through the busiest rank. `convolution` asks for each sequence.
"""

from dataclasses import dataclass

FLOAT = 4


@dataclass(frozen=True)
class Channels:
    """C channels of p components that are convolved."""

    count: int
    components: int

    def transposition(self, ranks: int) -> float:
        """Numbers per own token through the rank with most channels, forward."""
        return 3 * self.components * -(-self.count // ranks) * (ranks - 1)

    def four_step_least(self, ranks: int) -> float:
        """Numbers per own token of a four-step FFT with one all-to-all each way, forward."""
        return 3 * self.components * self.count * (ranks - 1) / ranks

    def four_step(self, ranks: int, stretch: float = 1.0) -> float:
        """Numbers per own token of a four-step FFT of contiguous tokens, forward.

        `stretch` is the FFT's length over that of the sequence.
        """
        return (1 + stretch) * self.four_step_least(ranks)


def block_channels(scalars: int, vectors: int) -> tuple[Channels, Channels]:
    """What a Geometric Hyena block convolves: D scalars, and C pairs of scalar and vector."""
    return Channels(scalars, 1), Channels(vectors, 4)


def four_step_least_bytes(scalars: int, vectors: int, ranks: int, training: bool) -> float:
    """Bytes per token that a block's convolutions have to send by a four-step FFT, at least."""
    numbers = sum(c.four_step_least(ranks) for c in block_channels(scalars, vectors))
    return FLOAT * numbers * (2 if training else 1)


def busiest_bytes(scalars: int, vectors: int, ranks: int, training: bool) -> float:
    """Bytes per own token that a block's convolutions move through the busiest rank, each the better way.

    For lengths that the four-step FFT takes as they are.
    """
    channels = block_channels(scalars, vectors)
    numbers = sum(min(c.transposition(ranks), c.four_step(ranks)) for c in channels)
    return FLOAT * numbers * (2 if training else 1)


def halo_bytes(rows: float, hidden: int, training: bool) -> float:
    """Bytes that a block's two projections send for `rows` neighbours on other ranks.

    Training sends the rows twice, as they are not kept for the backward pass, and gradients back.
    """
    return FLOAT * 2 * rows * hidden * (3 if training else 1)


@dataclass(frozen=True)
class Network:
    """Bytes per second and direction of one GPU, inside a node of so many and between nodes."""

    node: int = 8
    inside: float = 450e9
    between: float = 50e9

    def seconds(self, sent: float, ranks: int) -> float:
        """At least, for an all-to-all of which a rank sends so many bytes."""
        if ranks == 1:
            return 0.0
        away = max(0, ranks - self.node) / (ranks - 1)
        return max(sent * (1 - away) / self.inside, sent * away / self.between)


def surplus_bytes(scalars: int, vectors: int, ranks: int) -> float:
    """Bytes of q, k and u per own token that the rank with most channels holds above its even share.

    A four-step FFT leaves none, the transposition where P does not divide C.
    """
    numbers = 0.0
    for c in block_channels(scalars, vectors):
        if c.transposition(ranks) <= c.four_step(ranks):
            numbers += 3 * c.components * (-(-c.count // ranks) * ranks - c.count)
    return FLOAT * numbers
