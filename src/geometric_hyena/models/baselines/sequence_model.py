"""What the sequence models without symmetry share: coordinates and features of a token as one flat vector."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.geometry.positional import positional_features
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.inputs import centred_positions, check_features
from geometric_hyena.operators.segments import Run, equal_length_runs

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class SequenceModel(nn.Module):
    """Pre-norm residual blocks of a mixer over the sequence and a perceptron per token; NOT equivariant.

    A token is its scalars, its centred position and its vectors, flat, and an encoding of its place.
    Neighbours and edge features are not looked at: tokens meet in the mixer.

    Args:
        mixers: one per block, each a module (B, N, D) -> (B, N, D).
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, channels.
        vector_channels: C, vectors per token in the output.
        edge_dim: E, features per edge that the graphs bring.
        radius: the unit in which the model sees positions.
    """

    def __init__(
        self,
        mixers: list[nn.Module],
        scalar_dim: int,
        vector_dim: int,
        hidden_dim: int,
        vector_channels: int,
        edge_dim: int,
        radius: float,
    ):
        super().__init__()
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.hidden_dim, self.radius = hidden_dim, radius
        self.embed = nn.Linear(scalar_dim + 3 * (1 + vector_dim), hidden_dim)
        self.blocks = nn.ModuleList(SequenceBlock(mixer, hidden_dim) for mixer in mixers)
        self.output_norm = nn.LayerNorm(hidden_dim)
        self.to_vectors = nn.Linear(hidden_dim, 3 * vector_channels)
        self.shift = nn.Linear(hidden_dim, 3)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        check_features(batch, self.dims)
        runs = equal_length_runs(batch.lengths.tolist())
        flat = [centred_positions(batch, runs) / self.radius, batch.scalars]
        if batch.vectors is not None:
            flat.append(batch.vectors.flatten(1))
        tokens = self.embed(torch.cat(flat, dim=1))
        scalars = self.output_norm(through_blocks(self.blocks, tokens, runs))
        vectors = self.to_vectors(scalars).unflatten(1, (-1, 3))
        return GeometricOutput(scalars, vectors, batch.positions + self.shift(scalars))


def through_blocks(blocks: nn.ModuleList, tokens: Tensor, runs: list[Run]) -> Tensor:
    """Packed tokens (T, D) with the encoding of their places through blocks (B, N, D) -> (B, N, D)."""
    parts = []
    for run in runs:
        dense = tokens[run.start : run.stop].unflatten(0, (run.count, run.length))
        dense = dense + positional_features(run.length, tokens.shape[1]).to(dense)
        for block in blocks:
            dense = block(dense)
        parts.append(dense.flatten(0, 1))
    return torch.cat(parts)


class SequenceBlock(nn.Module):
    """x += mixer(norm(x)); x += perceptron(norm(x))."""

    def __init__(self, mixer: nn.Module, hidden: int):
        super().__init__()
        self.mixer = mixer
        self.mixer_norm, self.perceptron_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.perceptron = nn.Sequential(
            nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        x = x + self.mixer(self.mixer_norm(x))
        return x + self.perceptron(self.perceptron_norm(x))
