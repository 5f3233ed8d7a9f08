"""A projection over more tokens than fit in the cache or in memory, a chunk of tokens at a time.

A stage is an equivariant projection with what happens to each token just before and just after it. Nothing
but the messages looks at other tokens, and of those a message needs one row of H numbers each. So a stage
runs twice over the tokens: first for these rows and for the global tokens, then for everything else, and
between two chunks only the stage's outputs stay. The backward computes each chunk again and differentiates
it there: between forward and backward nothing is kept but the stage's inputs.

Up to `WHOLE_TOKENS` tokens training takes the ordinary way, all at once and everything kept, which is about
a quarter faster.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geometric_hyena.layers import compiled_stages
from geometric_hyena.layers.chunk_gradients import Totals, chunk_gradients, through_shared
from geometric_hyena.layers.compiled_projection import as_made
from geometric_hyena.layers.compiled_stages import CompiledStage
from geometric_hyena.layers.projection import EquivariantProjection, Geometry, Senders
from geometric_hyena.operators.derivatives import differentiated, first_derivatives_only

# Tokens of a chunk: on a CPU what keeps its activations in the cache, on a GPU what fills it.
CHUNK_TOKENS = 1024
GPU_CHUNK_TOKENS = 1 << 17
# Up to so many tokens training keeps all activations.
WHOLE_TOKENS = 1 << 14

Tensors = tuple[Tensor, ...]


@contextmanager
def token_limits(chunk: int, whole: int) -> Iterator[None]:
    """Other chunks (in tokens), and another largest size at which training keeps all activations."""
    global CHUNK_TOKENS, GPU_CHUNK_TOKENS, WHOLE_TOKENS
    before = CHUNK_TOKENS, GPU_CHUNK_TOKENS, WHOLE_TOKENS
    CHUNK_TOKENS = GPU_CHUNK_TOKENS = chunk
    WHOLE_TOKENS = whole
    try:
        with compiled_stages.chunk_tokens(chunk):
            yield
    finally:
        CHUNK_TOKENS, GPU_CHUNK_TOKENS, WHOLE_TOKENS = before


@dataclass(frozen=True)
class Stage:
    """leave(projection(norm(scalars), vectors), scalars, vectors), token by token.

    Attributes:
        projection: the projection.
        norm: normalisation of its incoming scalars.
        scalars: inputs of the stage, each (..., n), to the scalars (n, D).
        vectors: inputs of the stage to the vectors (3, C, n).
        leave: (projected scalars (D', n), projected vectors (3, C', n), scalars, vectors) to the stage's
            outputs, each (..., n).
        modules: the modules whose parameters the callables use.
        compiled: the same without gradients by compiled kernels, for what these serve.
        spent: places of inputs that `scalars` ignores and nobody else reads again; the backward of a long
            sequence writes their gradients over them.
    """

    projection: EquivariantProjection
    norm: nn.Module
    scalars: Callable[..., Tensor]
    vectors: Callable[..., Tensor]
    leave: Callable[[Tensor, Tensor, Tensor, Tensor], Tensors]
    modules: tuple[nn.Module, ...]
    compiled: CompiledStage | None = None
    spent: tuple[int, ...] = ()

    def __call__(self, inputs: Sequence[Tensor], geometry: Geometry) -> Tensors:
        """Outputs of the stage, (..., T) each, for inputs (..., T) each."""
        own = (*inputs, *_differentiable(geometry))
        # Without gradients nobody asks for the parameters, which takes time on a short sequence.
        leaves = [*own, *self.parameters()] if torch.is_grad_enabled() else own
        if not differentiated(*leaves):
            return _forward(self, inputs, geometry, overwrite=True)
        if geometry.most_tokens <= WHOLE_TOKENS:
            return self.whole(inputs, geometry)
        return _Staged.apply(self, geometry, len(inputs), *leaves)

    def whole(self, inputs: Sequence[Tensor], geometry: Geometry) -> Tensors:
        """All tokens at once."""
        geometry = geometry.complete()
        rows, sums = self.look(inputs, geometry)
        sharding = geometry.sharding
        if sharding is not None and rows is not None:
            rows = torch.cat([rows, sharding.fetch(rows)])
        join = torch.cat if sharding is None else sharding.sequence_sums
        shared = self.projection.distant_senders(join(sums) if sums else None)
        return self.finish(inputs, geometry, Senders(rows), shared)

    def look(self, inputs: Sequence[Tensor], geometry: Geometry) -> tuple[Tensor | None, list[Tensor]]:
        """First pass over some tokens: what they send to others."""
        return self.projection.look(self.norm(self.scalars(*inputs)), geometry)

    def finish(self, inputs: Sequence[Tensor], geometry: Geometry, local: Senders, distant: Tensors):
        """Second pass over some tokens: the stage's outputs."""
        scalars, vectors = self.scalars(*inputs), self.vectors(*inputs)
        projected = self.projection.receive(self.norm(scalars), vectors, geometry, local, distant)
        return self.leave(*projected, scalars, vectors)

    def parameters(self) -> list[nn.Parameter]:
        """Parameters of all that the stage uses."""
        return [p for module in (self.projection, self.norm, *self.modules) for p in module.parameters()]


def project(
    projection: EquivariantProjection, scalars: Tensor, vectors: Tensor, geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """A projection alone: (T, D), (T, C, 3) -> (T, out_scalars), (T, out_vectors, 3)."""
    scalars, vectors = projection_stage(projection)((scalars.T, vectors.permute(2, 1, 0)), geometry)
    return scalars.T, vectors.permute(2, 1, 0)


def projection_stage(projection: EquivariantProjection) -> Stage:
    """A projection alone as a stage: (D, T), (3, C, T) -> (out_scalars, T), (3, out_vectors, T)."""
    return Stage(projection, nn.Identity(), _own_scalars, _own_vectors, _as_projected, ())


def _own_scalars(scalars: Tensor, vectors: Tensor) -> Tensor:
    return scalars.T


def _own_vectors(scalars: Tensor, vectors: Tensor) -> Tensor:
    return vectors


def _as_projected(scalars: Tensor, vectors: Tensor, *_: Tensor) -> Tensors:
    return scalars.T.contiguous().T, vectors


def _differentiable(geometry: Geometry) -> Tensors:
    return geometry.positions, geometry.edges, geometry.coefficients


def _chunks(geometry: Geometry) -> Iterator[tuple[int, int]]:
    tokens = geometry.positions.shape[0]
    size = GPU_CHUNK_TOKENS if geometry.positions.is_cuda else CHUNK_TOKENS
    # A rank without tokens takes part, too, in what all ranks do.
    for start in range(0, max(tokens, 1), size):
        yield start, min(start + size, tokens)


def _cut(inputs: Sequence[Tensor], start: int, stop: int) -> list[Tensor]:
    return [x[..., start:stop] for x in inputs]


def _look(stage: Stage, inputs: Sequence[Tensor], geometry: Geometry) -> tuple[Tensor | None, Tensor | None]:
    """First pass over all tokens: their rows (T, H), followed by the halo's, and the global tokens
    (B, G, 3 + D).
    """
    rows = sums = None
    tokens, sharding = geometry.positions.shape[0], geometry.sharding
    halo = 0 if sharding is None else sharding.halo
    for start, stop in _chunks(geometry):
        part = geometry.part(start, stop)
        chunk, pieces = stage.look(_cut(inputs, start, stop), part)
        if chunk is not None:
            if rows is None:
                rows = chunk.new_empty(tokens + halo, chunk.shape[1])
            rows[start:stop] = chunk
        for piece, value in zip(part.pieces, pieces, strict=False):
            if sums is None:
                sums = value.new_zeros(geometry.sequences, *value.shape[1:])
            sums[piece.sequences] += value
    if sharding is not None:
        with torch.no_grad():
            if rows is not None:
                rows[tokens:] = sharding.fetch(rows[:tokens])
            sums = None if sums is None else sharding.total(sums)
    return rows, sums


def _forward(stage: Stage, inputs: Sequence[Tensor], geometry: Geometry, overwrite: bool = False) -> Tensors:
    """The outputs, without gradients; to `overwrite`, in the place of inputs that belong to the block."""
    if (
        stage.compiled is not None
        and as_made(stage.projection, stage.norm, *stage.modules)
        and stage.compiled.serves(inputs, geometry)
    ):
        return stage.compiled(inputs, geometry, overwrite)
    rows, sums = _look(stage, inputs, geometry)
    distant, local = stage.projection.distant_senders(sums), Senders(rows)
    tokens = geometry.positions.shape[0]
    outputs: list[Tensor] = []
    for start, stop in _chunks(geometry):
        found = stage.finish(_cut(inputs, start, stop), geometry.part(start, stop), local, distant)
        outputs = outputs or [_empty_like(x, tokens) for x in found]
        for output, value in zip(outputs, found, strict=True):
            output[..., start:stop] = value
    return tuple(outputs)


def _empty_like(chunk: Tensor, tokens: int) -> Tensor:
    """(..., tokens), with tokens contiguous where the chunk has them so, else outermost."""
    if chunk.stride(-1) == 1:
        return chunk.new_empty(*chunk.shape[:-1], tokens)
    return chunk.new_empty(tokens, *chunk.shape[:-1]).movedim(0, -1)


class _Staged(torch.autograd.Function):
    @staticmethod
    def forward(ctx, stage, geometry, count, *leaves):
        device = geometry.positions.device.type
        ctx.autocast = device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
        ctx.stage, ctx.geometry = stage, geometry.detached()
        ctx.save_for_backward(*leaves[:count])
        return _forward(stage, leaves[:count], ctx.geometry)

    @staticmethod
    @first_derivatives_only
    def backward(ctx, *grads):
        device, dtype, enabled = ctx.autocast
        needs = ctx.needs_input_grad[3:]
        with torch.autocast(device, dtype=dtype, enabled=enabled):
            found = _backward(ctx.stage, ctx.saved_tensors, ctx.geometry, grads, needs)
        return None, None, None, *found


def _backward(stage: Stage, inputs: Tensors, geometry: Geometry, grads: Tensors, needs: Sequence[bool]):
    """Gradients to the inputs, the geometry and the parameters; None where not needed."""
    tokens, count = geometry.positions.shape[0], len(inputs)
    parameters = stage.parameters()
    rows, sums = _look(stage, inputs, geometry)
    local = Senders(rows, None if rows is None else torch.zeros_like(rows))
    if sums is not None:
        sums.requires_grad_()
    with torch.enable_grad():
        shared = stage.projection.distant_senders(sums)
    distant = [x.detach().requires_grad_() for x in shared]
    totals = Totals([*distant, *parameters])
    leaves = [*inputs, *(x.movedim(0, -1) for x in _differentiable(geometry))]
    wanted = [i for i in range(len(leaves)) if needs[i]]
    # Autograd notices what is written over: a second backward through the same graph ends in its error.
    token_grads = {i: leaves[i] if i in stage.spent else _empty_like(leaves[i], tokens) for i in wanted}

    def chunk_leaves(start: int, stop: int) -> tuple[list[Tensor], Geometry]:
        chunk = [x.detach().requires_grad_(needs[i]) for i, x in enumerate(_cut(leaves, start, stop))]
        moved = [x.movedim(-1, 0) for x in chunk[count:]]
        return chunk, geometry.part(start, stop, *moved)

    for start, stop in _chunks(geometry):
        with torch.enable_grad():
            chunk, part = chunk_leaves(start, stop)
            outputs = stage.finish(chunk[:count], part, local, tuple(distant))
        found = chunk_gradients(outputs, _cut(grads, start, stop), [chunk[i] for i in wanted], totals)
        for i, grad in zip(wanted, found, strict=True):
            token_grads[i][..., start:stop] = 0 if grad is None else grad

    first = Totals(parameters, totals.sums[len(distant) :])
    sums_grad = through_shared(shared, totals.sums[: len(distant)], sums, first)
    if geometry.sharding is not None:
        if local.grad is not None:
            geometry.sharding.give_back(local.grad[tokens:], local.grad[:tokens])
        sums_grad = None if sums_grad is None else geometry.sharding.total(sums_grad)
    for start, stop in _chunks(geometry):
        with torch.enable_grad():
            chunk, part = chunk_leaves(start, stop)
            sent, pieces = stage.look(chunk[:count], part)
        outputs, coming = list(pieces), []
        if sums_grad is not None:
            coming += [sums_grad[piece.sequences] for piece in part.pieces]
        if sent is not None and local.grad is not None:
            outputs.append(sent)
            coming.append(local.grad[start:stop])
        found = chunk_gradients(outputs, coming, [chunk[i] for i in wanted], first)
        for i, grad in zip(wanted, found, strict=True):
            if grad is not None:
                token_grads[i][..., start:stop] += grad
    geometry_grads = (token_grads.get(i) for i in range(count, len(leaves)))
    return (
        *(token_grads.get(i) for i in range(count)),
        *(None if grad is None else grad.movedim(-1, 0) for grad in geometry_grads),
        *first.sums,
    )
