"""The SE(3)-Hyena model: geometric linear embedding, a stack of blocks, an output Clifford perceptron."""

from typing import TYPE_CHECKING

from torch import nn

from geometric_hyena.layers.clifford_mlp import CliffordMLP, GeometricLinear
from geometric_hyena.layers.se3_hyena_block import SE3HyenaBlock
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.inputs import centred_positions, check_features, stacked_vectors
from geometric_hyena.operators.eager import eager
from geometric_hyena.operators.segments import equal_length_runs

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


class SE3Hyena(nn.Module):
    """SE(3)-Hyena: scalars and vectors in two streams that meet, token by token, in Clifford perceptrons.

    Scalars are invariant, vectors rotate, positions rotate and shift. Reflections are a symmetry, too: the
    model cannot tell left from right. Positions are centred inside, per sequence; neighbours and edge
    features are not used.

    With the defaults, those of the paper's associative recall, it has about 800 thousand parameters
    (844,280 for 16 scalars and no vectors beside the positions).

    Args:
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        hidden_dim: D, scalar channels.
        vector_channels: C, vector channels; the wider of both is the width of the multivectors.
        blocks: number of blocks.
        gate_dim: width of the gates' multivectors.
        radius: the unit in which the model sees positions, angstrom.
        conv_norm: scale of the convolutions, "length" (1/N), "sqrt_length" or "none".
        product: geometric product, "steerable" or "fully_connected".
        product_layers: geometric products in each Clifford perceptron.
    """

    def __init__(
        self,
        scalar_dim: int,
        vector_dim: int = 0,
        hidden_dim: int = 16,
        vector_channels: int = 128,
        blocks: int = 3,
        *,
        gate_dim: int = 8,
        radius: float = 10.0,
        conv_norm: str = "length",
        product: str = "steerable",
        product_layers: int = 1,
    ):
        super().__init__()
        self.dims = {"scalar_dim": scalar_dim, "vector_dim": vector_dim}
        self.radius = radius
        perceptron = {
            "width": max(hidden_dim, vector_channels),
            "layers": product_layers,
            "product": product,
        }
        self.embed = GeometricLinear({0: scalar_dim, 1: 1 + vector_dim}, {0: hidden_dim, 1: vector_channels})
        self.blocks = nn.ModuleList(
            SE3HyenaBlock(
                hidden_dim, vector_channels, gate_dim=gate_dim, perceptron=perceptron, norm=conv_norm
            )
            for _ in range(blocks)
        )
        self.output = CliffordMLP(hidden_dim, vector_channels, hidden_dim, vector_channels, **perceptron)
        self.shift = nn.Linear(vector_channels, 1, bias=False)

    @eager
    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Scalars (T, D), vectors (T, C, 3) and moved positions (T, 3) of T packed tokens.

        Raises:
            InputError: where the batch does not have the features that the model was made for.
        """
        check_features(batch, self.dims, sharded=True)
        positions = centred_positions(batch, equal_length_runs(batch.lengths.tolist()))
        vectors = stacked_vectors(positions / self.radius, batch.vectors)

        embedded = self.embed({0: batch.scalars[:, None], 1: vectors.transpose(1, 2)})
        scalars, vectors = embedded[0][:, 0], embedded[1].transpose(1, 2)
        for block in self.blocks:
            scalars, vectors = block(scalars, vectors, batch.lengths, batch.sharding)
        update, vector_update = self.output(scalars, vectors)
        scalars, vectors = scalars + update, vectors + vector_update
        return GeometricOutput.shifted(scalars, vectors, batch.positions, self.shift)
