"""Readouts: small heads that turn a model's output into the prediction that a task asks for."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.errors import InputError
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.inputs import sequence_means, sequence_sums
from geometric_hyena.models.sequence_norm import SequenceNorm

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class VectorReadout(nn.Module):
    """One vector per token, a learned mix of the vector channels: rotates with the molecule.

    It starts at zero, where a prediction of motion is no worse than no motion.

    Args:
        vector_channels: C of the model.
    """

    def __init__(self, vector_channels: int):
        super().__init__()
        self.mix = nn.Linear(vector_channels, 1, bias=False)
        nn.init.zeros_(self.mix.weight)

    def forward(self, output: GeometricOutput, batch: "GeometricBatch") -> Tensor:
        """Vectors (T, C, 3) -> (T, 3)."""
        return self.mix(output.vectors.transpose(1, 2))[..., 0]


class PooledVectorReadout(nn.Module):
    """One vector per sequence: the mean over its tokens, then an equivariant perceptron::

        f, V_c = mean over tokens of scalars, of vectors of channel c
        y      = sum_c w_c g_c(f, |V|) V_c        g a perceptron of one hidden layer

    (SE(3)-Hyena, section 4.1: "mean pool + one equivariant MLP".) With a fixed mix alone nothing
    could divide by how many tokens had something to say. It starts at zero, the mean of targets of all
    orientations.

    Args:
        hidden_dim: D of the model; 0 for a model without scalars.
        vector_channels: C of the model.
    """

    def __init__(self, hidden_dim: int, vector_channels: int):
        super().__init__()
        width = max(hidden_dim, vector_channels)
        last = nn.Linear(width, vector_channels)
        nn.init.zeros_(last.weight)
        nn.init.ones_(last.bias)
        self.gain = nn.Sequential(nn.Linear(hidden_dim + vector_channels, width), nn.SiLU(), last)
        self.mix = nn.Linear(vector_channels, 1, bias=False)
        nn.init.zeros_(self.mix.weight)

    def forward(self, output: GeometricOutput, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) and vectors (T, C, 3) -> (B, 3)."""
        scalars, vectors = sequence_means(output.scalars, batch), sequence_means(output.vectors, batch)
        # The length of a vector has no slope at zero.
        lengths = torch.sqrt(vectors.square().sum(dim=-1) + 1e-6)
        gain = self.gain(torch.cat([scalars, lengths], dim=-1))
        return self.mix((gain[..., None] * vectors).transpose(1, 2))[..., 0]


class SumReadout(nn.Module):
    """T numbers from sums of token scalars: a perceptron of one hidden layer on what a subclass sums up.

    Sums and targets are scaled by what is usual in the training data, which is kept with the weights. The
    perceptron starts at zero, where the prediction is the mean of the training targets.

    Args:
        hidden_dim: D of the model.
        targets: T.
        dropout: part of the sums, and of the hidden layer, that a training step leaves out.
    """

    tokens: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, hidden_dim: int, targets: int, dropout: float = 0.0):
        super().__init__()
        self.dropout = dropout
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, hidden_dim),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, targets),
        )
        for parameter in self.head[-1].parameters():
            nn.init.zeros_(parameter)
        self.register_buffer("tokens", torch.ones(()))
        self.register_buffer("mean", torch.zeros(targets))
        self.register_buffer("deviation", torch.ones(targets))

    def set_scale(self, tokens: float, mean: Tensor, deviation: Tensor) -> None:
        """Set the usual number of summed tokens, and mean and standard deviation (T,) of the targets."""
        self.tokens.fill_(tokens)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def predicted(self, pooled: Tensor) -> Tensor:
        """Scaled sums (n, D) -> (n, T)."""
        return self.mean + self.deviation * self.head(pooled)


class ResidueReadout(SumReadout):
    """T numbers per residue (nucleotide, amino acid), from the sum over its tokens."""

    def forward(self, output: GeometricOutput, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) -> (R, T); a residue without tokens has the sum zero.

        Raises:
            InputError: where the batch does not say which residue its tokens belong to.
        """
        if batch.sharding is not None:
            raise InputError(
                "batch: a readout per residue cannot yet take tokens that are sharded over ranks"
            )
        if batch.residue_lengths is None:
            raise InputError("batch: a readout per residue needs graphs with residue_lengths")
        # Unlike an indexed sum, it adds in one order on a GPU, too.
        sums = torch.segment_reduce(output.scalars, "sum", lengths=batch.residue_lengths, axis=0, unsafe=True)
        return self.predicted(sums / self.tokens)


class MoleculeReadout(SumReadout):
    """T numbers per sequence, from the sum over its tokens, normalised over sequences (`SequenceNorm`).

    Sums over hundreds of tokens differ little from one molecule to the next. As they are, dropout of what
    all have in common would drown the difference, and a penalty on the weights outweigh its gradient.
    """

    def __init__(self, hidden_dim: int, targets: int, dropout: float = 0.0):
        super().__init__(hidden_dim, targets, dropout)
        self.norm = SequenceNorm(hidden_dim)

    def forward(self, output: GeometricOutput, batch: "GeometricBatch") -> Tensor:
        """Scalars (T, D) -> (B, T)."""
        return self.predicted(self.norm(sequence_sums(output.scalars, batch) / self.tokens))
