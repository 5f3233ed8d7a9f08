"""Equiformer (Liao & Smidt, 2023) by the package equiformer-pytorch, O(N k) with N^2 distances."""

import contextlib
import io
import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.models.baselines.edges import Edges, message_passing_inputs
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class Equiformer(nn.Module):
    """Equiformer with features of degrees 0 and 1 and the paper's attention by perceptrons; SE(3).

    The package's other attention, by distances, does not mask neighbours in degree 0. It is given our
    neighbours, one graph at a time, as it has equally many for all tokens of a batch; still it computes all
    N^2 distances. Gradients to positions go through distances alone: the package does not differentiate its
    rotations.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, channels of degree 0.
        vector_channels: C, channels of degree 1.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring.
        radius: the unit in which the model sees positions, angstrom.
        heads: attention heads.
        head_dim: channels of degree 0 of a head.
        radial_dim: width of the perceptrons of the distance.

    Raises:
        MissingDependencyError: without equiformer-pytorch.
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
        head_dim: int = 8,
        radial_dim: int = 16,
    ):
        super().__init__()
        try:
            from equiformer_pytorch import Equiformer as Packaged
        except ImportError:
            raise MissingDependencyError("equiformer-pytorch", "baselines", "Equiformer") from None
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.radius = radius
        # It tells what it writes into its cache, and makes empty layers where the widths are small.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            self.model = Packaged(
                dim=(hidden_dim, vector_channels),
                dim_in=(scalar_dim, vector_dim) if vector_dim else (scalar_dim,),
                num_degrees=2,
                input_degrees=2 if vector_dim else 1,
                heads=heads,
                dim_head=(head_dim, max(1, vector_channels // heads)),
                depth=blocks,
                num_neighbors=0,
                attend_sparse_neighbors=True,
                edge_dim=edge_dim or None,
                radial_hidden_dim=radial_dim,
                embedding_grad_frac=1.0,
                l2_dist_attention=False,
            )
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        found, start = [], 0
        for length in batch.lengths.tolist():
            found.append(self._graph(slice(start, start + length), batch, positions, edges))
            start += length
        scalars, vectors = (torch.cat(parts) for parts in zip(*found, strict=True))
        return GeometricOutput.shifted(scalars, vectors, batch.positions, self.shift)

    def _graph(
        self, tokens: slice, batch: "GeometricBatch", positions: Tensor, edges: Edges
    ) -> tuple[Tensor, Tensor]:
        """Scalars (N, D) and vectors (N, C, 3) of one graph."""
        points, count = positions[tokens], tokens.stop - tokens.start
        # One masked token more, the neighbour of all: the package fails where nobody has a neighbour.
        size = count + 1
        receiver, place = torch.nonzero(edges.real[tokens, :, 0], as_tuple=True)
        sender = edges.index[tokens][receiver, place] - tokens.start
        adjacent = torch.zeros(size, size, dtype=torch.bool, device=points.device)
        adjacent[receiver, sender] = True
        adjacent[:count, count] = True
        dense = None
        if edges.features.shape[-1]:
            dense = points.new_zeros(1, size, size, edges.features.shape[-1])
            dense[0, receiver, sender] = edges.features[tokens][receiver, place]
        inputs = {0: _with_one_more(batch.scalars[tokens])[None, :, :, None]}
        if batch.vectors is not None:
            inputs[1] = _with_one_more(batch.vectors[tokens])[None]
        real = torch.arange(size, device=points.device)[None] < count
        far = points[-1:].detach() + 1.0  # not where another token is
        out = self.model(inputs, torch.cat([points, far])[None], real, adjacent[None], dense)
        return out.type0[0, :count], out.type1[0, :count]


def _with_one_more(x: Tensor) -> Tensor:
    return torch.cat([x, torch.zeros_like(x[:1])])
