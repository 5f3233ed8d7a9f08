"""Global context tokens: a few weighted means of all tokens that summarise the whole molecule."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from geometric_hyena.layers.siren import Siren
from geometric_hyena.operators.segments import Piece


class GlobalContext(nn.Module):
    """x_g = 1/N sum_i w_g(i/N) x_i and f_g likewise, with w from a SIREN of the place in the sequence.

    Rotates with its input. A shift of the positions shifts x_g only where the weights average to one, so
    the model centres positions first.
    """

    def __init__(self, tokens: int):
        super().__init__()
        self.tokens = tokens
        self.weights = Siren(tokens)

    def forward(self, scalars: Tensor, positions: Tensor, pieces: Sequence[Piece]) -> list[Tensor]:
        """(n, D), (n, 3) -> for each piece of sequences its part of [x_g, f_g], (count, G, 3 + D)."""
        found = []
        for piece in pieces:
            count = piece.sequences.stop - piece.sequences.start
            blocks = [x[piece.tokens].unflatten(0, (count, -1)) for x in (positions, scalars)]
            place = (
                torch.arange(blocks[0].shape[1], device=scalars.device, dtype=positions.dtype) + piece.offset
            )
            weights = self.weights(place[:, None] / piece.length) / piece.length
            found.append(torch.cat([weights.T.to(block.dtype) @ block for block in blocks], dim=-1))
        return found
