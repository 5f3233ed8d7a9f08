"""What the message-passing baselines share: the batch they start from, edges, perceptrons of edges."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.models.inputs import centred_positions, check_features
from geometric_hyena.operators.segments import Run, equal_length_runs

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

# Added to squared distances and norms before a root: the slope stays finite where tokens coincide.
TINY = 1e-12


@dataclass(frozen=True)
class Edges:
    """Edges of T packed tokens, K places per token.

    Attributes:
        index: (T, K) senders; the token itself at padding.
        real: (T, K, 1), 1 at an edge, 0 at padding.
        features: (T, K, E), zero at padding, or E = 0.
        degree: (T, 1), number of senders, at least 1.
    """

    index: Tensor
    real: Tensor
    features: Tensor
    degree: Tensor

    def senders(self, x: Tensor) -> Tensor:
        """What each sender has of (T, ...): (T, K, ...)."""
        return x.index_select(0, self.index.flatten()).unflatten(0, self.index.shape)

    def offsets(self, positions: Tensor) -> Tensor:
        """x_i - x_j, (T, K, 3); zero at padding."""
        return positions[:, None] - self.senders(positions)

    def sum(self, messages: Tensor) -> Tensor:
        """Sum over the edges of a token: (T, K, H) -> (T, H)."""
        return (messages * self.real).sum(dim=1)

    def mean_offset(self, weights: Tensor, offsets: Tensor) -> Tensor:
        """1/|N_i| sum_j w_ij (x_i - x_j): (T, K, C), (T, K, 3) -> (T, C, 3)."""
        return (weights * self.real).transpose(1, 2) @ offsets / self.degree[..., None]


def message_passing_inputs(
    batch: "GeometricBatch", dims: dict[str, int], radius: float
) -> tuple[Tensor, Edges, list[Run]]:
    """Centred positions (T, 3) in units of `radius`, edges, and the runs of sequences.

    Raises:
        InputError: where the batch does not have the features of `dims`.
    """
    check_features(batch, dims)
    runs = equal_length_runs(batch.lengths.tolist())
    positions = centred_positions(batch, runs) / radius
    index, mask = batch.neighbors.index, batch.neighbors.mask
    real = mask[..., None].to(positions.dtype)
    features = positions.new_zeros(*index.shape, 0) if batch.edge_features is None else batch.edge_features
    return positions, Edges(index, real, features, real.sum(dim=1).clamp(min=1)), runs


def distances(offsets: Tensor) -> Tensor:
    """(..., 3) -> (..., 1), smooth where tokens coincide."""
    return (offsets.square().sum(dim=-1, keepdim=True) + TINY).sqrt()


def perceptron(inputs: int, hidden: int, outputs: int, bias: bool = True) -> nn.Sequential:
    """Two linear maps with SiLU between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs, bias=bias))


class EdgePerceptron(nn.Module):
    """m_ij = silu(W_2 silu(W_1 [f_i, f_j, e_ij])): the message of EGNN.

    W_1 is applied to tokens and edges apart, which is the same and saves the concatenation of each edge.

    Args:
        scalars: D, scalar channels of a token.
        edges: E, features of an edge.
        hidden: H, width of both layers.
    """

    def __init__(self, scalars: int, edges: int, hidden: int):
        super().__init__()
        self.receiver = nn.Linear(scalars, hidden)
        self.sender = nn.Linear(scalars, hidden, bias=False)
        self.edge = nn.Linear(edges, hidden, bias=False)
        self.second = nn.Linear(hidden, hidden)

    def forward(self, scalars: Tensor, features: Tensor, edges: Edges) -> Tensor:
        """(T, D), (T, K, E) -> (T, K, H)."""
        first = self.receiver(scalars)[:, None] + edges.senders(self.sender(scalars)) + self.edge(features)
        return nn.functional.silu(self.second(nn.functional.silu(first)))


def mixed_channels(mix: nn.Module, vectors: Tensor) -> Tensor:
    """(T, C, n) -> (T, C', n) by a linear map over the channels."""
    return mix(vectors.transpose(1, 2)).transpose(1, 2)


def mixed_inputs(mix: nn.Module | None, batch: "GeometricBatch", positions: Tensor, channels: int) -> Tensor:
    """Input vectors (T, V, 3) mixed to (T, C, 3) by a linear map; zeros where there are none."""
    if mix is None or batch.vectors is None:
        return positions.new_zeros(positions.shape[0], channels, 3)
    return mixed_channels(mix, batch.vectors)


def stack_or_empty(vectors: Tensor | None, positions: Tensor) -> Tensor:
    """Input vectors (T, V, 3), or (T, 0, 3)."""
    return positions.new_zeros(positions.shape[0], 0, 3) if vectors is None else vectors


def no_scalars(positions: Tensor) -> Tensor:
    """(T, 0), of a model that moves tokens and says nothing else of them."""
    return torch.empty_like(positions[:, :0])
