"""The SE(3)-Hyena block: Clifford perceptrons around a scalar and a vector long convolution."""

import torch
from torch import Tensor, nn

from geometric_hyena.layers.clifford_mlp import CliffordMLP
from geometric_hyena.operators import scalar_long_conv, vector_long_conv
from geometric_hyena.operators.convolution import SequenceConvolution
from geometric_hyena.operators.products import CROSS_PRODUCT, SCALAR_PRODUCT, BilinearProduct
from geometric_hyena.operators.sharding import Sharding


class SE3HyenaBlock(nn.Module):
    """One SE(3)-Hyena operator (Algorithm 1 of its paper), with residual connections around both halves::

        q, k, v = phi(f, V)                    Clifford perceptron, token by token
        u       = long_conv(q, k)              scalars, and vectors by the cross product
        u       = sigmoid(gamma(u)) u          one mask per channel, invariant
        f, V   += u v                          product for scalars, cross product for vectors
        f, V   += xi(f, V)

    The algorithm prints no residual connection around xi; without it, xi's normalisation would forget how
    long the vectors are. Parity is kept: q x k is axial, and crossed with the polar v polar again.

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels.
        gate_dim: width of gamma.
        perceptron: keyword arguments of `CliffordMLP` that phi and xi share.
        norm: scale of the convolutions, see `operators`.
    """

    def __init__(self, scalars: int, vectors: int, *, gate_dim: int, perceptron: dict, norm: str = "length"):
        super().__init__()
        self.scalars, self.vectors, self.norm = scalars, vectors, norm
        self.qkv = CliffordMLP(scalars, vectors, 3 * scalars, 3 * vectors, **perceptron)
        self.gate = CliffordMLP(scalars, vectors, scalars + vectors, 0, **{**perceptron, "width": gate_dim})
        self.output = CliffordMLP(scalars, vectors, scalars, vectors, **perceptron)

    def forward(
        self, scalars: Tensor, vectors: Tensor, lengths: Tensor, sharding: Sharding | None = None
    ) -> tuple[Tensor, Tensor]:
        """(T, D), (T, C, 3) packed tokens of sequences of `lengths` -> the same shapes.

        Where the tokens are sharded, those of one rank.
        """
        mixed, mixed_vectors = self.qkv(scalars, vectors)
        # FFTs want single precision at least, whatever autocast says.
        full = torch.promote_types(mixed.dtype, torch.float32)
        q, k, v = mixed.to(full).split(self.scalars, dim=1)
        q_vectors, k_vectors, v_vectors = mixed_vectors.to(full).split(self.vectors, dim=1)
        if sharding is None:
            u = scalar_long_conv(q, k, lengths, norm=self.norm)
            u_vectors = vector_long_conv(q_vectors, k_vectors, lengths, norm=self.norm)
        else:
            u = self._sharded(SCALAR_PRODUCT, q[..., None], k[..., None], sharding)[..., 0]
            u_vectors = self._sharded(CROSS_PRODUCT, q_vectors, k_vectors, sharding)

        # The gate takes the axial u for a vector: its masks are even in u, so a reflection leaves them alone.
        mask = torch.sigmoid(self.gate(u, u_vectors)[0])
        scalars = scalars + mask[:, : self.scalars] * u * v
        vectors = vectors + mask[:, self.scalars :, None] * torch.linalg.cross(u_vectors, v_vectors)
        update, vector_update = self.output(scalars, vectors)
        return scalars + update, vectors + vector_update

    def _sharded(self, product: BilinearProduct, q: Tensor, k: Tensor, sharding: Sharding) -> Tensor:
        """One rank's tokens (n, C, P) of a convolution."""
        convolution = SequenceConvolution(product, self.norm)
        q, k = q.permute(2, 1, 0), k.permute(2, 1, 0)
        return sharding.convolve(convolution, (q,), (k,), None)[0].permute(2, 1, 0)
