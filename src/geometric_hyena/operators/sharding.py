"""What layers and models ask of the other ranks where the tokens of a batch are sharded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from geometric_hyena.operators.segments import Piece, Run

if TYPE_CHECKING:
    from geometric_hyena.operators.convolution import SequenceConvolution


class Sharding(Protocol):
    """This rank holds n of all T packed tokens, one contiguous range; implemented by `distributed`.

    Every method but `give_back` can be differentiated. All ranks call the same methods in the same order.

    Attributes:
        runs: where the sequences lie among all T tokens.
        start: place of this rank's first token among all.
        largest: tokens of the rank that has most.
        halo: h, tokens of other ranks that are neighbours of this rank's.
        pieces: the sequences and parts of sequences that this rank holds; one empty piece where it holds
            none, so that it takes part in all that the others do.
    """

    @property
    def runs(self) -> list[Run]: ...
    @property
    def start(self) -> int: ...
    @property
    def largest(self) -> int: ...
    @property
    def halo(self) -> int: ...
    @property
    def pieces(self) -> list[Piece]: ...

    def fetch(self, rows: Tensor) -> Tensor:
        """Own rows (n, ...) -> those of the halo (h, ...)."""
        ...

    def give_back(self, grads: Tensor, total: Tensor) -> None:
        """Send gradients to the halo's rows (h, ...) home; add those that come to the own ones (n, ...)."""
        ...

    def total(self, partial: Tensor) -> Tensor:
        """Sum over the ranks."""
        ...

    def sequence_sums(self, parts: Sequence[Tensor]) -> Tensor:
        """Sums (B, ...) from this rank's parts of them, (count, ...) for each of `pieces`."""
        ...

    def convolve(
        self,
        convolution: "SequenceConvolution",
        q: tuple[Tensor, ...],
        k: tuple[Tensor, ...],
        weights: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """The convolution of whole sequences, for components (P, C, n) of this rank's tokens."""
        ...
