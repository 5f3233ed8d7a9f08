"""EGNN by the package egnn-pytorch, as a user would install it: its sparse layer and its dense one."""

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class PackagedEGNN(nn.Module):
    """Layers of egnn-pytorch with messages as wide as the scalars, over one graph.

    The sparse layer takes our neighbours and needs torch_geometric; the dense one, the package's default, has
    every token send a message to every other. The vectors are what tokens have been moved by.

    Args:
        scalars: D, scalar channels.
        blocks: number of layers.
        dense: whether all tokens are neighbours.

    Raises:
        MissingDependencyError: without egnn-pytorch.
    """

    def __init__(self, scalars: int, blocks: int, *, dense: bool):
        super().__init__()
        try:
            # A warning turned into an error would leave the package without its sparse layer, in silence.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from egnn_pytorch import EGNN, EGNN_Sparse
        except ImportError:
            raise MissingDependencyError("egnn-pytorch", "baselines", "egnn-pytorch") from None
        if not (dense or issubclass(EGNN_Sparse, nn.Module)):
            raise MissingDependencyError("torch_geometric", "baselines", "egnn-pytorch's sparse layer")
        self.dense = dense
        layers = (
            EGNN(dim=scalars, m_dim=scalars) if dense else EGNN_Sparse(feats_dim=scalars, m_dim=scalars)
            for _ in range(blocks)
        )
        self.blocks = nn.ModuleList(layers)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (N, D), vectors (N, 1, 3) and moved positions (N, 3) of one graph."""
        if self.dense:
            scalars, positions = batch.scalars[None], batch.positions[None]
            for block in self.blocks:
                scalars, positions = block(scalars, positions)
            scalars, positions = scalars[0], positions[0]
        else:
            tokens, pairs = torch.cat([batch.positions, batch.scalars], dim=1), neighbor_pairs(batch)
            for block in self.blocks:
                tokens = block(tokens, pairs)
            positions, scalars = tokens[:, :3], tokens[:, 3:]
        return GeometricOutput(scalars, (positions - batch.positions)[:, None], positions)


def neighbor_pairs(batch: "GeometricBatch") -> Tensor:
    """Senders and receivers, (2, edges)."""
    receiver, place = torch.nonzero(batch.neighbors.mask, as_tuple=True)
    return torch.stack([batch.neighbors.index[receiver, place], receiver])
