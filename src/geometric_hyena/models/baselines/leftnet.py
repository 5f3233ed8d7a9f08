"""LEFTNet (Du et al., 2023): scalars of local frames steer PaiNN-like messages, O(N k)."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.models.baselines.edges import (
    Edges,
    distances,
    message_passing_inputs,
    mixed_channels,
    mixed_inputs,
    perceptron,
)
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

# Directions shorter than this part of the radius fade to zero, so that frames of collinear tokens do not
# turn rounding errors into axes.
_SHORTEST = 1e-3
# Vectors per token whose components the frames of its edges read.
_STRUCTURE = 8


def frames(first: Tensor, second: Tensor) -> Tensor:
    """Right-handed frames (..., 3, 3), rows e1, e2, e3, of two vectors (..., 3) each.

    e1 is along `first`, e2 along first x second, e3 = e1 x e2. Where the vectors are parallel, or one is
    zero, axes fade to zero.
    """

    def unit(x: Tensor) -> Tensor:
        return x / (x.square().sum(dim=-1, keepdim=True) + _SHORTEST**2).sqrt()

    e1 = unit(first)
    e2 = unit(torch.linalg.cross(e1, second))
    return torch.stack([e1, e2, torch.linalg.cross(e1, e2)], dim=-2)


class StructureEncoding(nn.Module):
    """Local structure encoding (LSE): how the surroundings of i and of j look in the frame of their edge::

        S_i  = 1/|N_i| sum_j (W h_j * F(d_ij)) (x_i - x_j) / d_ij
        A_ij = phi(S_i F_ij, S_j F_ij, d_ij, e_ij)

    with the edge's frame F_ij of x_i - x_j and x_i + x_j (which spans the plane of x_i and x_j).
    """

    def __init__(self, hidden: int, features: int):
        super().__init__()
        self.sender = nn.Linear(hidden, _STRUCTURE)
        self.filter = nn.Linear(features, _STRUCTURE)
        self.weights = perceptron(2 * 3 * _STRUCTURE + features, hidden, hidden)

    def forward(self, scalars: Tensor, positions: Tensor, features: Tensor, edges: Edges) -> Tensor:
        """(T, D), (T, 3), (T, K, F) -> A, (T, K, D)."""
        offsets = edges.offsets(positions)
        strength = edges.senders(self.sender(scalars)) * self.filter(features)
        structure = edges.mean_offset(strength, offsets / distances(offsets))
        frame = frames(offsets, positions[:, None] + edges.senders(positions))
        seen = [
            torch.einsum("...cx,...ax->...ca", x, frame).flatten(-2)
            for x in (structure[:, None].expand(-1, edges.index.shape[1], -1, -1), edges.senders(structure))
        ]
        return self.weights(torch.cat([*seen, features], dim=-1))


class LEFTNetLayer(nn.Module):
    """One layer: messages weighted by A_ij, then frame transition encoding (FTE)::

        a, b, c = phi(h_j) * W [A_ij, d_ij, e_ij]
        h_i += 1/|N_i| sum_j a,    V_i += 1/|N_i| sum_j (b V_j + c (x_i - x_j) / d_ij)
        a, b, c = phi(h_i, |V_2|, tau(V_1 F_i))
        h_i += a + b <V_1, V_2>,   V_i += c V_1

    with V_1 and V_2 linear in V_i, and the three components of V_1 in the token's frame read by tau.
    """

    def __init__(self, hidden: int, features: int):
        super().__init__()
        self.sender = perceptron(hidden, hidden, 3 * hidden)
        self.edge = nn.Linear(hidden + features, 3 * hidden)
        self.mix = nn.Linear(hidden, 2 * hidden, bias=False)
        self.read = perceptron(3, hidden // 4 + 1, 1)
        self.update = perceptron(3 * hidden, hidden, 3 * hidden)

    def forward(
        self,
        scalars: Tensor,
        vectors: Tensor,
        features: Tensor,
        directions: Tensor,
        frame: Tensor,
        edges: Edges,
    ) -> tuple[Tensor, Tensor]:
        """(T, D), (T, D, 3), (T, K, D + F), (T, K, 3), (T, 3, 3) -> scalars and vectors."""
        weights = edges.senders(self.sender(scalars)) * self.edge(features)
        a, b, c = (weights * edges.real / edges.degree[..., None]).chunk(3, dim=-1)
        scalars = scalars + a.sum(dim=1)
        vectors = vectors + (b[..., None] * edges.senders(vectors)).sum(dim=1)
        vectors = vectors + c.transpose(1, 2) @ directions

        first, second = mixed_channels(self.mix, vectors).chunk(2, dim=1)
        seen = self.read(first @ frame.transpose(1, 2))[..., 0]
        length = distances(second)[..., 0]
        a, b, c = self.update(torch.cat([scalars, length, seen], dim=-1)).chunk(3, dim=-1)
        return scalars + a + b * (first * second).sum(dim=-1), vectors + c[..., None] * first


class LEFTNet(nn.Module):
    """LEFTNet after its paper; SE(3): its frames tell left from right. No numbers of the paper are claimed.

    As in the paper: the edge's frame, of x_i - x_j and x_i x x_j; the node's, of x_i less the centroid of its
    neighbours and their cross product (second and third axes with the other sign); local structure encoding,
    whose scalars are read in the edge's frame and weigh its messages; messages to scalars and vectors, of
    senders' vectors and directions; frame transition encoding, which reads the vectors, in which senders'
    frames have arrived, in the node's own frame.

    Not as in the paper:

    - What i and j have around them is read one after the other, each as a sum over its own neighbours; the
      mutual structure of the theory is that of the neighbours both have.
    - That sum has eight channels rather than D, and it is encoded once, before the first layer.
    - Sums over neighbours are means, so that depth and density do not make vectors explode.
    - Gaussians of the distance, without an envelope that takes messages to zero at the radius.
    - Scalars are embedded by a linear map, without types of neighbours; edge features and input vectors,
      which the paper does not have, are taken in.
    - Axes fade to zero where they are not defined, instead of pointing anywhere.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token; the vectors start as a mix of them.
        hidden_dim: D, channels of scalars and of vectors.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom; the unit in which the model sees positions.
        gaussians: Gaussians of the distance.
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
        gaussians: int = 16,
    ):
        super().__init__()
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.hidden_dim, self.radius = hidden_dim, radius
        self.embed = nn.Linear(scalar_dim, hidden_dim)
        self.embed_vectors = nn.Linear(vector_dim, hidden_dim, bias=False) if vector_dim else None
        self.distance = DistanceFeatures(1.0, gaussians)
        features = self.distance.count + edge_dim
        self.structure = StructureEncoding(hidden_dim, features)
        self.blocks = nn.ModuleList(LEFTNetLayer(hidden_dim, features) for _ in range(blocks))
        self.to_vectors = nn.Linear(hidden_dim, vector_channels, bias=False)
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        offsets = edges.offsets(positions)
        features = torch.cat([self.distance(offsets), edges.features], dim=-1)
        from_centroid = offsets.sum(dim=1) / edges.degree
        frame = frames(from_centroid, positions)

        scalars = self.embed(batch.scalars)
        vectors = mixed_inputs(self.embed_vectors, batch, positions, self.hidden_dim)
        structure = self.structure(scalars, positions, features, edges)
        features = torch.cat([structure, features], dim=-1)
        for block in self.blocks:
            scalars, vectors = block(scalars, vectors, features, offsets / distances(offsets), frame, edges)
        vectors = mixed_channels(self.to_vectors, vectors)
        return GeometricOutput.shifted(scalars, vectors, batch.positions, self.shift)
