"""A bidirectional GRU over nucleotides: the strong opponent that sees no geometry."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence


class BidirectionalGRU(nn.Module):
    """Two layers of a bidirectional GRU, and T numbers per nucleotide, or per molecule from the mean.

    Args:
        features: F, features per nucleotide.
        targets: T.
        hidden: units in each direction.
        layers: number of layers.
        dropout: between layers and before the output.
        pooled: one prediction per molecule.
    """

    def __init__(
        self,
        features: int,
        targets: int,
        hidden: int = 128,
        layers: int = 2,
        dropout: float = 0.3,
        pooled: bool = False,
    ):
        super().__init__()
        self.pooled = pooled
        self.gru = nn.GRU(
            features, hidden, layers, bidirectional=True, dropout=dropout if layers > 1 else 0.0
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * hidden, targets)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Predict for molecules end to end.

        Args:
            features: (sum of N, F).
            lengths: (B,) int64.

        Returns:
            (sum of N, T), or (B, T) where `pooled`.
        """
        packed = pack_sequence(list(torch.split(features, lengths.tolist())), enforce_sorted=False)
        hidden, where = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        real = torch.arange(hidden.shape[1]) < where[:, None]
        real = real.to(hidden.device)
        if self.pooled:
            hidden = (hidden * real[..., None]).sum(dim=1) / lengths.to(hidden)[:, None]
        else:
            hidden = hidden[real]
        return self.output(self.dropout(hidden))
