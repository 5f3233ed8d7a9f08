"""Normalisation of keys and values."""

from torch import Tensor, nn

KV_NORMS = ("l2", "l1", "linf", "none")
EPS = 1e-6


def divided_by_norm(x: Tensor, dim: int, order: str = "l2", eps: float = EPS) -> Tensor:
    """Divide by the norm of that order over one axis; zeros stay zeros."""
    if order == "l2":
        return x * (x.square().sum(dim=dim, keepdim=True) + eps**2).rsqrt()
    magnitude = x.abs()
    norm = magnitude.sum(dim=dim, keepdim=True) if order == "l1" else magnitude.amax(dim=dim, keepdim=True)
    return x / (norm + eps)


class KeyValueNorm(nn.Module):
    """Keys and values to unit norm, scalars over their channels and each vector over xyz.

    Without it the block's output is bounded only by the cube of the largest input magnitude, with it
    linearly (Geometric Hyena, section 3); the queries keep their magnitude. A vector's length is Euclidean,
    as a rotation leaves no other; `order` is that of the scalars' norm, "none" leaves both as they are.
    """

    def __init__(self, order: str = "l2"):
        super().__init__()
        if order not in KV_NORMS:
            raise ValueError(f"kv_norm: expected one of {', '.join(KV_NORMS)}, got {order!r}")
        self.order = order

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(D, n), (3, C, n) -> the same shapes."""
        if self.order == "none":
            return scalars, vectors
        return divided_by_norm(scalars, 0, self.order), divided_by_norm(vectors, 0)
