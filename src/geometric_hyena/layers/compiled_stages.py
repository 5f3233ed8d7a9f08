"""The stages of a block without gradients, by compiled kernels: what `staging` does, in fewer passes.

One kernel gathers what comes in to a projection, and one writes what comes out to where it stays. The steps
of `staging` define the results; these agree with them to rounding.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from geometric_hyena.layers.compiled_projection import CompiledProjection
from geometric_hyena.layers.normalization import EPS, KeyValueNorm
from geometric_hyena.layers.projection import EquivariantProjection, Geometry
from geometric_hyena.operators.workspace import keep_freed_memory

# Tokens of a chunk for each thread: fewer stay in a nearer cache, but calls cost more than that saves.
CHUNK_TOKENS = 2048

Tensors = tuple[Tensor, ...]


@contextmanager
def chunk_tokens(tokens: int) -> Iterator[None]:
    """Other chunks, in tokens for each thread."""
    global CHUNK_TOKENS
    before, CHUNK_TOKENS = CHUNK_TOKENS, tokens
    try:
        yield
    finally:
        CHUNK_TOKENS = before


class CompiledStage(ABC):
    """A stage of a block. What comes in are scalars (D, T), vectors (3, C, T) and what a kind adds to them.

    Args:
        projection: the stage's projection.
        norm: normalisation of its incoming scalars.
    """

    def __init__(self, projection: EquivariantProjection, norm: nn.LayerNorm):
        self.projection, self.norm = projection, norm

    def serves(self, inputs: Sequence[Tensor], geometry: Geometry) -> bool:
        """Whether these inputs can go this way: one float type, on a CPU, all tokens in this process."""
        return CompiledProjection.serves(self.projection, geometry, *inputs, self.norm.weight)

    def __call__(self, inputs: Sequence[Tensor], geometry: Geometry, overwrite: bool = False) -> Tensors:
        """Outputs (..., T) for inputs (..., T); to `overwrite`, in the memory of what was gathered."""
        keep_freed_memory()
        chunks = list(_chunks(geometry))
        with torch.no_grad():
            # What comes in is made twice where it would take too much memory to wait for the second pass.
            waiting = [self.arrive(_cut(inputs, *chunk)) for chunk in chunks] if len(chunks) <= 4 else None
            project = CompiledProjection(self.projection, geometry)
            for i, chunk in enumerate(chunks):
                normed = waiting[i][0] if waiting else self.normalised(self.scalars(_cut(inputs, *chunk)))
                project.look(normed, *chunk)
            project.looked()
            out = self.empty(inputs, overwrite)
            for i, chunk in enumerate(chunks):
                arrived = waiting[i] if waiting else self.arrive(_cut(inputs, *chunk))
                projected = project(arrived[0], arrived[2], *chunk)
                self.leave(*projected, *arrived[1:], _cut(out, *chunk))
            return out

    def normalised(self, sums: Sequence[Tensor], kept: Tensor | None = None) -> Tensor:
        """Normalised x, or x + u v, (D, n); that sum with the projection's bias into `kept`."""
        from geometric_hyena.operators.tokens_native import normalised

        norm = self.norm
        return normalised(sums, norm.weight, norm.bias, norm.eps, self.projection.to_scalars.bias, kept)

    # --- what kinds of stages differ in, for a chunk of n tokens ---

    @abstractmethod
    def scalars(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        """Incoming scalars as x, or as x, u and v of x + u v, (D, n) each."""

    @abstractmethod
    def arrive(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised scalars (D, n), what `leave` wants of the others, and vectors (3, C, n)."""

    @abstractmethod
    def leave(
        self,
        projected: Tensor,
        projected_vectors: Tensor,
        scalars: Tensor,
        vectors: Tensor,
        out: Sequence[Tensor],
    ) -> None:
        """Write the outputs (..., n) from projected scalars (D', n), without bias, and vectors (3, C', n)."""

    @abstractmethod
    def empty(self, inputs: Sequence[Tensor], overwrite: bool) -> Tensors:
        """Memory for the outputs (..., T), which a chunk writes after it has read its inputs."""


class EnteringStage(CompiledStage):
    """The stage before the global context: scalars and vectors of queries, keys and values.

    Args:
        projection: to those, and to what the masks are made of.
        norm: normalisation of its incoming scalars.
        kv_norm: of keys and values.
        masked: whether there are masks.
        values_first: the order is v, q, k with masked values, and not q, k, v and the masks.
        to_pairs: with values first, a map of the scalars of queries and keys to further outputs.
    """

    def __init__(
        self,
        projection: EquivariantProjection,
        norm: nn.LayerNorm,
        kv_norm: KeyValueNorm,
        masked: bool,
        values_first: bool = False,
        to_pairs: nn.Linear | None = None,
    ):
        super().__init__(projection, norm)
        self.kv_norm, self.masked = kv_norm, masked
        self.values_first, self.to_pairs = values_first, to_pairs

    def serves(self, inputs: Sequence[Tensor], geometry: Geometry) -> bool:
        return self.kv_norm.order in ("l2", "none") and super().serves(inputs, geometry)

    def scalars(self, inputs):
        return inputs[:1]

    def arrive(self, inputs):
        return self.normalised(inputs[:1]), *inputs

    def leave(self, projected, projected_vectors, scalars, vectors, out):
        from geometric_hyena.operators.tokens_native import queries_keys_values

        bias, count = self.projection.to_scalars.bias, len(out[0])
        mask = projected[3 * count :].add_(bias[3 * count :, None]).sigmoid_() if self.masked else None
        within = mask if self.values_first else None
        eps = EPS if self.kv_norm.order == "l2" else None
        ordered = (*out[2:6], *out[:2]) if self.values_first else out[:6]
        queries_keys_values(projected, projected_vectors, within, bias, eps, ordered)
        if self.to_pairs is not None:
            for x, pairs in zip((out[2], out[4]), out[6:], strict=True):
                torch.mm(self.to_pairs.weight, x, out=pairs)
        elif mask is not None and within is None:
            out[6].copy_(mask[:count])
            out[7].copy_(mask[count:])

    def empty(self, inputs, overwrite):
        scalars, vectors = inputs
        width = vectors.shape[1]
        shapes = [scalars.shape, vectors.shape] * 3
        if self.to_pairs is not None:
            shapes += [(width, scalars.shape[1])] * 2
        elif self.masked and not self.values_first:
            shapes += [scalars.shape, vectors.shape[1:]]
        return tuple(scalars.new_empty(shape) for shape in shapes)


class LeavingStage(CompiledStage):
    """The stage after the global context: scalars and vectors with what they gathered, and their update.

    Args:
        projection: to the update.
        norm: normalisation of its incoming scalars.
        factors_first: what is gathered is v, v, u, u and more, to be multiplied, vectors by the cross
            product; else y, y, mask, mask; or nothing at all.
        from_pairs: with factors first, a map from the fifth of them to the scalars u.
    """

    def __init__(
        self,
        projection: EquivariantProjection,
        norm: nn.LayerNorm,
        factors_first: bool = False,
        from_pairs: nn.Linear | None = None,
    ):
        super().__init__(projection, norm)
        self.factors_first, self.from_pairs = factors_first, from_pairs

    def scalars(self, inputs):
        own, gathered = inputs[0], inputs[2:]
        if not gathered:
            return (own,)
        v, u = gathered[0], gathered[2]
        if self.from_pairs is not None:
            u = torch.addmm(u, self.from_pairs.weight, gathered[4])
        return own, u, v

    def arrive(self, inputs):
        from geometric_hyena.operators.tokens_native import added_product

        kept = inputs[0].new_empty(inputs[0].shape)
        normed = self.normalised(self.scalars(inputs), kept)
        vectors, gathered = inputs[1], inputs[2:]
        if gathered:
            pair = (gathered[3], gathered[1]) if self.factors_first else (gathered[1], gathered[3])
            vectors = added_product(vectors, *pair)
        return normed, kept, vectors

    def leave(self, projected, projected_vectors, scalars, vectors, out):
        torch.add(projected, scalars, out=out[0])
        torch.add(projected_vectors, vectors, out=out[1])

    def empty(self, inputs, overwrite):
        if overwrite and self.factors_first:
            return tuple(inputs[2:4])  # the values, which are the block's own
        return tuple(x.new_empty(x.shape) for x in inputs[:2])


def _cut(parts: Sequence[Tensor], start: int, stop: int) -> list[Tensor]:
    return [x[..., start:stop] for x in parts]


def _chunks(geometry: Geometry) -> Iterator[tuple[int, int]]:
    tokens, size = len(geometry.positions), CHUNK_TOKENS * torch.get_num_threads()
    for start in range(0, tokens, size):
        yield start, min(start + size, tokens)
