"""VN-Transformer (Assaad et al., 2023) by the package VN-transformer: attention of vectors, O(N^2)."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.models.baselines.edges import mixed_channels
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.inputs import centred_positions, check_features, stacked_vectors
from geometric_hyena.operators.segments import equal_length_runs

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class VNTransformer(nn.Module):
    """The package's encoder: D channels of vectors, each with a few scalars beside x, y and z.

    Attention weighs tokens by the inner products of their vectors and scalars. Positions are centred here;
    neighbours and edge features are not looked at. Reflections are a symmetry, and the order of tokens means
    nothing. Sequences of equal length are taken together, others one by one: nothing is padded.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, vector channels, and scalars in the output.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring; not looked at.
        radius: the unit in which the model sees positions, angstrom.
        heads: attention heads; fewer where they do not divide `hidden_dim`.
        scalar_channels: F, scalars beside the three components of every channel.

    Raises:
        MissingDependencyError: without VN-transformer.
    """

    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 64,
        vector_channels: int = 8,
        blocks: int = 3,
        *,
        edge_dim: int = 0,
        radius: float = 10.0,
        heads: int = 4,
        scalar_channels: int = 4,
    ):
        super().__init__()
        try:
            from VN_transformer.VN_transformer import VNTransformerEncoder
        except ImportError:
            raise MissingDependencyError("VN-transformer", "baselines", "VN-Transformer") from None
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.radius, self.scalar_channels = radius, scalar_channels
        self.embed = nn.Linear(scalar_dim, hidden_dim * scalar_channels)
        self.embed_vectors = nn.Linear(1 + vector_dim, hidden_dim, bias=False)
        heads = math.gcd(hidden_dim, heads)
        self.encoder = VNTransformerEncoder(
            hidden_dim,
            depth=blocks,
            dim_head=hidden_dim // heads,
            heads=heads,
            dim_coor=3 + scalar_channels,
        )
        self.to_scalars = nn.Linear(hidden_dim * (1 + scalar_channels), hidden_dim)
        self.to_vectors = nn.Linear(hidden_dim, vector_channels, bias=False)
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        check_features(batch, self.dims)
        runs = equal_length_runs(batch.lengths.tolist())
        given = stacked_vectors(centred_positions(batch, runs) / self.radius, batch.vectors)
        channels = mixed_channels(self.embed_vectors, given)
        features = self.embed(batch.scalars).unflatten(-1, (-1, self.scalar_channels))
        tokens = torch.cat([channels, features], dim=-1)
        parts = []
        for run in runs:
            dense = tokens[run.start : run.stop].unflatten(0, (run.count, run.length))
            parts.append(self.encoder(dense).flatten(0, 1))
        return self._output(torch.cat(parts), batch)

    def _output(self, tokens: Tensor, batch: "GeometricBatch") -> GeometricOutput:
        """From (T, D, 3 + F)."""
        channels, features = tokens.split([3, self.scalar_channels], dim=-1)
        lengths = channels.square().sum(dim=-1)
        scalars = self.to_scalars(torch.cat([lengths, features.flatten(1)], dim=-1))
        vectors = mixed_channels(self.to_vectors, channels)
        return GeometricOutput.shifted(scalars, vectors, batch.positions, self.shift)
