"""TorchMD-NET's equivariant transformer (Thoelke & De Fabritiis, 2022) by the package torchmd-net, O(N k)."""

import contextlib
import io
import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.models.baselines.edges import distances, message_passing_inputs, mixed_inputs
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

# The package's own cutoff: distances are given in such units that the radius has this value, to which its
# radial functions are fitted.
_CUTOFF = 5.0


class TorchMDNet(nn.Module):
    """The package's attention layers and radial functions over our neighbours; reflections are a symmetry.

    Without the embedding of atom types and their neighbours, which wants whole numbers: scalars are embedded
    by a linear map. The vectors start as a mix of the input's.

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, channels of scalars and vectors.
        vector_channels: C, vectors per token in the output.
        blocks: number of layers.
        edge_dim: E, features per edge that the graphs bring.
        radius: largest distance of neighbours, angstrom: where the attention is cut off.
        heads: attention heads; fewer where they do not divide `hidden_dim`.
        radial_functions: functions of the distance.

    Raises:
        MissingDependencyError: without torchmd-net.
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
        radial_functions: int = 32,
    ):
        super().__init__()
        try:
            # Warp, which the package brings, greets and misses a GPU.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                from torchmdnet.models.torchmd_et import EquivariantMultiHeadAttention
                from torchmdnet.models.utils import ExpNormalSmearing
        except ImportError:
            raise MissingDependencyError("torchmd-net", "baselines", "TorchMD-NET") from None
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim, "edge_dim": edge_dim}
        self.hidden_dim, self.radius = hidden_dim, radius
        self.embed = nn.Linear(scalar_dim, hidden_dim)
        self.embed_vectors = nn.Linear(vector_dim, hidden_dim, bias=False) if vector_dim else None
        self.radial = ExpNormalSmearing(0.0, _CUTOFF, radial_functions)
        self.blocks = nn.ModuleList(
            EquivariantMultiHeadAttention(
                hidden_dim,
                num_rbf=radial_functions + edge_dim,
                distance_influence="both",
                num_heads=math.gcd(hidden_dim, heads),
                activation=nn.SiLU,
                attn_activation="silu",
                cutoff_lower=0.0,
                cutoff_upper=_CUTOFF,
            )
            for _ in range(blocks)
        )
        self.output_norm = nn.LayerNorm(hidden_dim)
        self.to_vectors = nn.Linear(hidden_dim, vector_channels, bias=False)
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        positions, edges, _ = message_passing_inputs(batch, self.dims, self.radius)
        receiver, place = torch.nonzero(edges.real[..., 0], as_tuple=True)
        # As the package has it, tokens are neighbours of themselves, too.
        own = torch.arange(len(positions), device=positions.device)
        pairs = torch.stack([torch.cat([edges.index[receiver, place], own]), torch.cat([receiver, own])])
        offsets = positions[pairs[0]] - positions[pairs[1]]
        length = distances(offsets)
        known = torch.cat(
            [edges.features[receiver, place], positions.new_zeros(len(own), edges.features.shape[-1])]
        )
        reach = _CUTOFF * length[:, 0]
        features = torch.cat([self.radial(reach), known], dim=-1)

        scalars = self.embed(batch.scalars)
        vectors = mixed_inputs(self.embed_vectors, batch, positions, self.hidden_dim).transpose(1, 2)
        for block in self.blocks:
            update, vector_update = block(scalars, vectors, pairs, reach, features, offsets / length)
            scalars, vectors = scalars + update, vectors + vector_update
        vectors = self.to_vectors(vectors).transpose(1, 2)
        return GeometricOutput.shifted(self.output_norm(scalars), vectors, batch.positions, self.shift)
