"""The Geometric Hyena block: projection to queries, keys and values, long convolution, gate, projection."""

import torch
from torch import Tensor, nn

from geometric_hyena.layers.gating import Gate
from geometric_hyena.layers.normalization import KeyValueNorm
from geometric_hyena.layers.projection import EquivariantProjection, Geometry
from geometric_hyena.operators import geometric_long_conv, scalar_long_conv

Pair = tuple[Tensor, Tensor]


class GeometricHyenaBlock(nn.Module):
    """One block (Geometric Hyena, Figure 2), with residual connections around both halves::

        q, k, v = projection(f, V)           EGNN with local and global messages
        u       = long_conv(q, k / |k|)      scalars, and scalar-vector pairs
        f, V   += gate * u (v / |v|)         product for scalars, cross product for vectors
        f, V   += projection(f, V)

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels.
        projection: keyword arguments of `EquivariantProjection` that all projections share.
        norm: scale of the convolutions, see `operators`.
    """

    def __init__(self, scalars: int, vectors: int, *, projection: dict, norm: str = "length"):
        super().__init__()
        self.scalars, self.vectors, self.norm = scalars, vectors, norm
        self.input_norm = nn.LayerNorm(scalars)
        self.qkv = EquivariantProjection(scalars, vectors, 4 * scalars, 3 * vectors, **projection)
        self.kv_norm = KeyValueNorm()
        # The D-channel scalars are mapped to the C scalars that pair with vectors, and back.
        self.to_pairs = nn.Linear(scalars, vectors, bias=False)
        self.from_pairs = nn.Linear(vectors, scalars, bias=False)
        self.interaction = nn.Parameter(torch.ones(5, vectors))
        self.gate = Gate(scalars, scalars, vectors)
        self.output_norm = nn.LayerNorm(scalars)
        self.output = EquivariantProjection(scalars, vectors, scalars, vectors, **projection)

    def forward(self, scalars: Tensor, vectors: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor]:
        """(T, D), (T, C, 3) -> the same shapes."""
        mixed, qkv_vectors = self.qkv(self.input_norm(scalars), vectors, geometry)
        q, k, v, gate_input = mixed.split(self.scalars, dim=-1)
        q_vectors, k_vectors, v_vectors = qkv_vectors.split(self.vectors, dim=1)
        k, k_vectors = self.kv_norm(k, k_vectors)
        v, v_vectors = self.kv_norm(v, v_vectors)

        y, y_vectors = self.global_context((q, q_vectors), (k, k_vectors), (v, v_vectors), geometry)

        mask, vector_mask = self.gate(gate_input)
        scalars = scalars + mask * y
        vectors = vectors + vector_mask * y_vectors
        update, vector_update = self.output(self.output_norm(scalars), vectors, geometry)
        return scalars + update, vectors + vector_update

    def global_context(self, q: Pair, k: Pair, v: Pair, geometry: Geometry) -> Pair:
        """Long convolution of queries with keys over each whole sequence, times the values.

        Every argument is a pair of scalars (T, D) and vectors (T, C, 3), and so is the result.
        """
        lengths = torch.tensor([run.length for run in geometry.runs for _ in range(run.count)])
        # FFTs want single precision at least, whatever autocast says.
        full = torch.promote_types(self.interaction.dtype, torch.float32)
        (q, k, v) = ((scalars.to(full), vectors.to(full)) for scalars, vectors in (q, k, v))
        with torch.autocast(q[0].device.type, enabled=False):
            pairs, u_vectors = geometric_long_conv(
                self.to_pairs(q[0]),
                q[1],
                self.to_pairs(k[0]),
                k[1],
                self.interaction,
                lengths,
                norm=self.norm,
            )
            u = scalar_long_conv(q[0], k[0], lengths, norm=self.norm) + self.from_pairs(pairs)
        return u * v[0], torch.linalg.cross(u_vectors, v[1])
