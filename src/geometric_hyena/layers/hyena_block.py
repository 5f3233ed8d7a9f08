"""The Geometric Hyena block: global context by long convolution, in O(N log N)."""

from functools import partial

import torch
from torch import Tensor, nn

from geometric_hyena.layers.compiled_stages import EnteringStage, LeavingStage
from geometric_hyena.layers.context_block import ContextBlock, Pair, Tensors
from geometric_hyena.layers.projection import Geometry
from geometric_hyena.operators.convolution import SequenceConvolution
from geometric_hyena.operators.products import CROSS_PRODUCT, GEOMETRIC_PRODUCT, SCALAR_PRODUCT
from geometric_hyena.operators.segments import Run
from geometric_hyena.operators.sharding import Sharding

PADDINGS = ("circular", "zero")


class GeometricHyenaBlock(ContextBlock):
    """A block whose context is u = long_conv(q, k / |k|) times the values (Geometric Hyena, Eqs. 2, 9, 10)::

        y = u v       product for scalars, cross product for vectors

    D scalars are convolved channel by channel; mapped to C of them they also meet the C vectors in the
    geometric long convolution. Mask and values meet in the first stage already, as m (u v) = u (m v).

    Args:
        interaction: whether scalars and vectors meet in the convolution; without, vectors are convolved with
            vectors alone.
        padding: "circular", or "zero": every sequence is followed by as many zeros, so that nothing wraps.
        conv_norm: scale of the convolutions, "length" (1/N), "sqrt_length" or "none".

    The others are those of `ContextBlock`.
    """

    # Its tokens may be sharded over ranks.
    takes_shards = True
    # The vectors of the values and of the convolution.
    spent = (3, 5)

    def __init__(
        self,
        scalars: int,
        vectors: int,
        *,
        projection: dict,
        gate: str = "qk",
        kv_norm: str = "l2",
        interaction: bool = True,
        padding: str = "circular",
        conv_norm: str = "length",
    ):
        super().__init__(scalars, vectors, projection=projection, gate=gate, kv_norm=kv_norm)
        if padding not in PADDINGS:
            raise ValueError(f"padding: expected one of {', '.join(PADDINGS)}, got {padding!r}")
        self.padding, self.conv_norm = padding, conv_norm
        # The D-channel scalars are mapped to the C scalars that pair with vectors, and back.
        self.to_pairs = nn.Linear(scalars, vectors, bias=False) if interaction else None
        self.from_pairs = nn.Linear(vectors, scalars, bias=False) if interaction else None
        self.interaction = nn.Parameter(torch.ones(5, vectors)) if interaction else None

    def emit(self, q: Pair, k: Pair, v: Pair, mask: Pair | None) -> Tensors:
        """Values, then scalars and vectors of queries and keys, then the scalars that meet vectors."""
        values = v if mask is None else (v[0] * mask[0], v[1] * mask[1])
        if self.to_pairs is None:
            return (*values, *q, *k)
        return (*values, *q, *k, *_pairs(self.to_pairs, q[0], k[0]))

    def mix(self, emitted: Tensors, geometry: Geometry) -> Tensors:
        """Values, convolved scalars, convolved vectors, convolved scalars of the pairs."""
        v, v_vectors, q, q_vectors, k, k_vectors, *pairs = emitted
        del emitted
        convolve = partial(self.convolve, runs=geometry.runs, sharding=geometry.sharding)
        if self.to_pairs is not None and not pairs:
            pairs = _pairs(self.to_pairs, q, k)
        u = convolve((q[None],), (k[None],))[0][0]
        del q, k  # memory that a long sequence cannot spare
        if not pairs:
            return v, v_vectors, u, *convolve((q_vectors,), (k_vectors,))
        a, u_vectors = convolve((pairs[0][None], q_vectors), (pairs[1][None], k_vectors))
        return v, v_vectors, u, u_vectors, a[0]

    def gathered_scalars(self, v: Tensor, v_vectors: Tensor, u: Tensor, *rest: Tensor) -> Tensor:
        """u v, (D, n)."""
        if self.from_pairs is not None:
            weight = self.from_pairs.weight
            with torch.autocast(weight.device.type, enabled=False):
                u = torch.addmm(u, weight, rest[1])
        return u * v

    def gathered_vectors(self, v: Tensor, v_vectors: Tensor, u: Tensor, *rest: Tensor) -> Tensor:
        """u x v, (3, C, n)."""
        # torch's cross product along an outer axis takes ten times as long.
        a, b = rest[0].unbind(0), v_vectors.unbind(0)
        return torch.stack(
            [torch.addcmul(a[i - 2] * b[i - 1], a[i - 1], b[i - 2], value=-1) for i in range(3)]
        )

    def entering_modules(self) -> tuple[nn.Module, ...]:
        """Modules that `emit` uses."""
        return () if self.to_pairs is None else (self.to_pairs,)

    def leaving_modules(self) -> tuple[nn.Module, ...]:
        """Modules that `gathered_scalars` uses."""
        return () if self.from_pairs is None else (self.from_pairs,)

    def compiled_first_stage(self) -> EnteringStage | None:
        """With masked values; the scalars that meet vectors are left to `mix` without gradients."""
        if self.gate == "k":
            return None
        masked, to_pairs = self.gate == "qk", self.to_pairs if torch.is_grad_enabled() else None
        return EnteringStage(
            self.qkv, self.input_norm, self.kv_norm, masked, values_first=True, to_pairs=to_pairs
        )

    def compiled_second_stage(self) -> LeavingStage | None:
        """Context times values."""
        return LeavingStage(self.output, self.output_norm, factors_first=True, from_pairs=self.from_pairs)

    def convolve(
        self,
        q: Tensors,
        k: Tensors,
        runs: list[Run],
        channels: slice = slice(None),
        sharding: Sharding | None = None,
    ) -> Tensors:
        """Queries with keys, in parts (P, c, T), for some of the channels; it may overwrite the queries."""
        size = sum(len(part) for part in q)
        product = {1: SCALAR_PRODUCT, 3: CROSS_PRODUCT, 4: GEOMETRIC_PRODUCT}[size]
        weights = self.interaction[:, channels] if size == 4 and self.interaction is not None else None
        convolution = SequenceConvolution(product, self.conv_norm, self.padding)
        if sharding is not None:
            return sharding.convolve(convolution, q, k, weights)
        # Nobody else sees the queries: without gradients the result may take their place.
        return convolution(q, k, weights, runs)


def _pairs(to_pairs: nn.Linear, q: Tensor, k: Tensor) -> list[Tensor]:
    """The scalars that meet vectors, (C, n), from those of queries and keys, (D, n)."""
    with torch.autocast(q.device.type, enabled=False):
        return [to_pairs.weight @ x for x in (q, k)]
