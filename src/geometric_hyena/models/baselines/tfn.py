"""Tensor field network (Thomas et al., 2018): messages by Clebsch-Gordan products, O(N k L^6)."""

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.errors import InputError
from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.models.baselines.edges import (
    Edges,
    distances,
    message_passing_inputs,
    mixed_channels,
    perceptron,
)
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.operators.clebsch_gordan import clebsch_gordan, couple

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

# Features by degree: (T, channels, 2 l + 1).
Features = list[Tensor]


class TensorFieldLayer(nn.Module):
    """One layer: convolution with neighbours, self-interaction, gate::

        m_i^l = 1/|N_i| sum_j sum_(l1, l2) R_(l1 l2 l)(d_ij) h_j^l1 (x) Y^l2(x_i - x_j)
        h_i^l = U^l h_i^l + W^l m_i^l;    h^0 <- silu(h^0),  h^l <- sigmoid(G^l h^0) h^l

    R, a number per channel and path, are perceptrons of the distance; (x) is the Clebsch-Gordan product.

    Args:
        channels: of every incoming degree.
        outputs: of every outgoing degree.
        edges: features of the distance and of the edge.
        hidden: width of the radial perceptron.
        largest: largest degree of the spherical harmonics.
    """

    def __init__(self, channels: list[int], outputs: list[int], edges: int, hidden: int, largest: int):
        super().__init__()
        # Degrees of the feature, of the harmonic, and of their product.
        self.paths = [
            (i, j, out)
            for i in range(len(channels))
            for j in range(largest + 1)
            for out in range(abs(i - j), min(i + j, len(outputs) - 1) + 1)
            if channels[i]
        ]
        self.sizes = [channels[i] for i, _, _ in self.paths]
        self.radial = perceptron(edges, hidden, sum(self.sizes))
        incoming = channels[: len(outputs)] + [0] * (len(outputs) - len(channels))
        for i, _, out in self.paths:
            incoming[out] += channels[i]
        self.mix = nn.ModuleList(
            nn.Linear(n, count, bias=out == 0)
            for out, (n, count) in enumerate(zip(incoming, outputs, strict=True))
        )
        self.gates = nn.Linear(outputs[0], sum(outputs[1:]))
        self.outputs = outputs

    def forward(self, features: Features, harmonics: Features, radii: Tensor, edges: Edges) -> Features:
        """Features of the tokens, Y (T, K, 2 l + 1) by degree, and of edges (T, K, E)."""
        weights = (self.radial(radii) * edges.real / edges.degree[..., None]).split(self.sizes, dim=-1)
        senders = [edges.senders(x) for x in features]
        found = [[x] for x in features[: len(self.outputs)]]
        found += [[] for _ in range(len(self.outputs) - len(features))]
        for (i, j, out), weight in zip(self.paths, weights, strict=True):
            found[out].append(_convolved(senders[i], harmonics[j], weight, out))
        mixed = [
            mixed_channels(mix, torch.cat(parts, dim=1)) for mix, parts in zip(self.mix, found, strict=True)
        ]
        scalars = mixed[0][..., 0]
        gates = torch.sigmoid(self.gates(scalars)).split(self.outputs[1:], dim=-1)
        gated = [gate[..., None] * x for gate, x in zip(gates, mixed[1:], strict=True)]
        return [nn.functional.silu(scalars)[..., None], *gated]


def _convolved(senders: Tensor, harmonics: Tensor, weight: Tensor, out: int) -> Tensor:
    """sum_j R_ij h_j (x) Y_ij: (T, K, C, 2 i + 1), (T, K, 2 j + 1), (T, K, C) -> (T, C, 2 out + 1)."""
    coefficients = clebsch_gordan(
        senders.shape[-1] // 2, harmonics.shape[-1] // 2, out, senders.dtype, senders.device
    )
    # Sums over neighbours and over Y's components come first: no edge holds a product of all components.
    kernel = torch.einsum("tkn,mno->tkmo", harmonics, coefficients)
    weighted = (senders * weight[..., None]).transpose(1, 2).flatten(2)
    return weighted @ kernel.flatten(1, 2)


class TensorFieldNetwork(nn.Module):
    """Tensor field network: SE(3), as published with no regard to parity, so it tells left from right.

    Needs e3nn, for its Clebsch-Gordan coefficients.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, scalar channels, and width of the radial perceptrons.
        vector_channels: C, channels of degree 1 and of every higher degree.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; the unit in which the model sees positions.
        largest_degree: L, of the features and of the spherical harmonics.
        gaussians: Gaussians of the distance in the radial perceptrons.

    Raises:
        InputError: for a largest degree below 1.
        MissingDependencyError: without e3nn.
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
        largest_degree: int = 2,
        gaussians: int = 16,
    ):
        super().__init__()
        if largest_degree < 1:
            raise InputError(f"largest_degree: expected at least 1, got {largest_degree}")
        clebsch_gordan(1, 1, 0)  # without e3nn it is better to fail here than in the first forward pass
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.radius, self.largest_degree = radius, largest_degree
        self.distance = DistanceFeatures(1.0, gaussians)
        inside = [hidden_dim] + [vector_channels] * largest_degree
        ends = [hidden_dim, vector_channels]
        shapes = [[scalar_dim, vector_dim], *[inside] * (blocks - 1), ends]
        edges = self.distance.count + edge_dim
        self.blocks = nn.ModuleList(
            TensorFieldLayer(channels, outputs, edges, hidden_dim, largest_degree)
            for channels, outputs in pairwise(shapes)
        )
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        offsets = edges.offsets(positions)
        radii = torch.cat([self.distance(offsets), edges.features], dim=-1)
        harmonics = spherical_harmonics(offsets, self.largest_degree)
        features = [batch.scalars[..., None]]
        if batch.vectors is not None:
            features.append(batch.vectors)
        for block in self.blocks:
            features = block(features, harmonics, radii, edges)
        scalars, vectors = features[0][..., 0], features[1]
        return GeometricOutput.shifted(scalars, vectors, batch.positions, self.shift)


def spherical_harmonics(offsets: Tensor, largest: int) -> Features:
    """Harmonics of the directions (..., 3) by degree, (..., 2 l + 1) each, up to a factor per degree.

    Each degree comes from the one below it: Y^(l + 1) is the coupling of Y^l with the direction.
    """
    direction = offsets / distances(offsets)
    found = [torch.ones_like(direction[..., :1]), direction]
    while len(found) <= largest:
        found.append(couple(found[-1], direction, len(found)))
    return found
