"""An equivariant projection without gradients, by compiled kernels and matrix products alone."""

import torch
from torch import Tensor, nn

from geometric_hyena.layers.projection import EquivariantProjection, Geometry
from geometric_hyena.operators.kernels import native_backend


def as_made(*modules: nn.Module) -> bool:
    """Whether the parts of these modules are PyTorch's or ours, without hooks.

    Kernels read their weights; what somebody put in their place, or around them, has to be called.
    """
    for module in modules:
        for part in module.modules():
            ours = type(part) in (nn.Linear, nn.LayerNorm, nn.Identity) or type(part).__module__.startswith(
                "geometric_hyena."
            )
            if not ours or part._forward_hooks or part._forward_pre_hooks:
                return False
    return True


class CompiledProjection:
    """The two passes of `EquivariantProjection` over chunks of tokens, tokens last.

    `look` at every chunk, then `looked`, then call it for each chunk.

    Args:
        projection: the projection.
        geometry: that of all tokens.
    """

    def __init__(self, projection: EquivariantProjection, geometry: Geometry):
        self.projection, self.geometry = projection, geometry
        self.kinds = projection.messages
        self.hidden = sum(m.hidden for m in self.kinds)
        self.receivers = torch.cat([m.receiver.weight for m in self.kinds])
        self.bias = torch.cat([m.receiver.bias for m in self.kinds])
        tokens, width = len(geometry.positions), self.receivers.shape[1]
        local, context = projection.local, projection.context
        self.rows = None if local is None else self.bias.new_empty(tokens, local.hidden)
        sizes = None if context is None else (geometry.sequences, context.tokens, 3 + width)
        self.sums = None if sizes is None else self.bias.new_zeros(sizes)
        self.distant: tuple[Tensor, ...] = ()

    @staticmethod
    def serves(projection: EquivariantProjection, geometry: Geometry, *tensors: Tensor) -> bool:
        """Whether it can be done: one float type, on a CPU, all tokens in this process."""
        return (
            bool(projection.messages)
            and all(m.hidden % m.LANES == 0 for m in projection.messages)
            and geometry.sharding is None
            and len(geometry.positions) > 0
            and not torch.is_autocast_enabled("cpu")
            and native_backend(geometry.positions, geometry.edges, geometry.coefficients, *tensors) == "numba"
        )

    def look(self, scalars: Tensor, start: int, stop: int) -> None:
        """What the tokens from `start` to `stop` send, of their normalised scalars (D, n)."""
        local, context = self.projection.local, self.projection.context
        if local is not None and self.rows is not None:
            torch.mm(scalars.T, local.sender.weight.T, out=self.rows[start:stop])
        if context is not None and self.sums is not None:
            part = self.geometry.part(start, stop)
            found = context(scalars.T, part.positions, part.pieces)
            for piece, value in zip(part.pieces, found, strict=True):
                self.sums[piece.sequences] += value

    def looked(self) -> None:
        """All tokens have been looked at."""
        self.distant = self.projection.distant_senders(self.sums)

    def __call__(self, scalars: Tensor, vectors: Tensor, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """The tokens from `start` to `stop`.

        Args:
            scalars: (D, n), normalised.
            vectors: (3, C, n).

        Returns:
            Scalars (D', n), without the bias, and vectors (3, C', n).
        """
        moments = self._moments(scalars, self.geometry.part(start, stop))
        own, sent = self.projection.to_scalars.weight.split([len(scalars), self.hidden], dim=1)
        projected = scalars.new_empty(len(own), scalars.shape[1])
        torch.mm(own, scalars, out=projected).addmm_(sent, moments[0].T)
        own, sent = self.projection.to_vectors.weight.split([vectors.shape[1], self.hidden], dim=1)
        projected_vectors = scalars.new_empty(3, len(own), scalars.shape[1])
        for out, component, moment in zip(projected_vectors, vectors, moments[1:], strict=True):
            torch.mm(own, component, out=out).addmm_(sent, moment.T)
        return projected, projected_vectors

    def _moments(self, scalars: Tensor, geometry: Geometry) -> Tensor:
        """Sums and first moments of local messages beside those of messages from global tokens, (4, n, H)."""
        from geometric_hyena.operators.messages_native import forward_into
        from geometric_hyena.operators.tokens_native import global_edges

        receivers = torch.addmm(self.bias, scalars.T, self.receivers.T)
        rows = scalars.new_empty(scalars.shape[1], 4 * self.hidden)
        first = 0
        for kind in self.kinds:
            if kind is self.projection.local:
                sent, edges = self.rows, (geometry.index, geometry.edges, geometry.coefficients)
            else:
                centers, sent = self.distant
                edges = global_edges(geometry.positions, geometry.sequence, centers)
            assert sent is not None
            places = [p * self.hidden + first for p in range(4)]
            forward_into(rows, places, receivers, first, sent, kind.edges, *edges)
            first += kind.hidden
        return rows.unflatten(1, (4, self.hidden)).transpose(0, 1)
