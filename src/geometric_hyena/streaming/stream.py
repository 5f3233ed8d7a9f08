"""A model on more tokens than fit into memory, block by block: the same steps, the same numbers.

What a block of the model has between its stages (see `layers.staging`) lies on disk, tokens last. A stage
reads and writes all of it a block of tokens at a time, a convolution some channels of all tokens at a time.
Only positions stay in memory, since neighbours may lie anywhere.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricBatch
from geometric_hyena.layers import staging
from geometric_hyena.layers.context_block import MessageBlock
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.layers.projection import Geometry, Senders, neighbor_offsets
from geometric_hyena.layers.staging import Stage, projection_stage
from geometric_hyena.models.geometric_hyena import GeometricHyena, GeometricOutput
from geometric_hyena.models.inputs import check_features
from geometric_hyena.operators.segments import equal_length_runs
from geometric_hyena.streaming.batch_files import BatchFiles, neighbours_of
from geometric_hyena.streaming.disk import ChannelArray, RowArray, scratch_folder
from geometric_hyena.streaming.plan import Plan, make_plan

Batch = GeometricBatch | BatchFiles


def stream(
    model: torch.nn.Module,
    batch: Batch,
    memory: int | str,
    folder: str | Path | None = None,
    *,
    extra: int = 0,
) -> GeometricOutput:
    """What `model.eval()(batch)` gives, to rounding and without gradients, in a bounded memory.

    Args:
        model: a GeometricHyena on the CPU.
        batch: in memory, or as files.
        memory: bytes that this process may hold altogether, or words such as "8GiB". A batch in memory, and
            all else that the process holds already, counts; output that is read later does not.
        folder: where features are kept in nameless files; None: the folder of temporary files (TMPDIR). It
            should lie on a disk: some systems keep /tmp in memory.
        extra: bytes per token that the caller is going to take of the budget.

    Returns:
        scalars (T, D), vectors (T, C, 3), positions (T, 3), mapped from disk; their files last as long as
        they do.

    Raises:
        InputError: for a model that cannot be streamed, a batch that does not fit the model, a budget that
            cannot be met, or a disk without room.
    """
    hyena = check_streams(model)
    check_features(batch, hyena.dims)  # pyright: ignore[reportArgumentType]
    lengths = batch.lengths.tolist()
    width = (batch.neighbors.index if isinstance(batch, GeometricBatch) else batch.neighbors).shape[1]
    plan = make_plan(hyena, lengths, width, memory, extra)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return _Streamed(hyena, batch, plan, scratch_folder(folder, plan.disk)).output()


def check_streams(model: torch.nn.Module) -> GeometricHyena:
    """The model, if it can be streamed.

    Raises:
        InputError: saying why not.
    """
    kinds = (GeometricHyenaBlock, MessageBlock)
    if type(model) is not GeometricHyena or any(type(block) not in kinds for block in model.blocks):
        raise InputError(
            f"streaming: {type(model).__name__} cannot be streamed, but only geometric-hyena with its tokens "
            f"in natural order"
        )
    if next(model.parameters()).device.type != "cpu":
        raise InputError("streaming: expected the model on the CPU; move it there by model.cpu()")
    return model


class _Streamed:
    """One forward pass."""

    def __init__(self, model: GeometricHyena, batch: Batch, plan: Plan, folder: Path):
        self.model, self.batch, self.plan, self.folder = model, batch, plan, folder
        lengths = batch.lengths.tolist()
        self.tokens, self.runs = sum(lengths), equal_length_runs(lengths)
        self.ends = np.cumsum(lengths)
        self.dtype = next(model.parameters()).dtype
        self.centred = self._centred_positions()
        self.positions = self.centred  # between which messages are sent
        self.rows: RowArray | None = None  # what neighbours send, where they do

    @property
    def hidden(self) -> int:
        """D."""
        return self.model.embed.to_scalars.out_features

    def output(self) -> GeometricOutput:
        """The whole pass."""
        channels = self.model.embed.to_vectors.out_features
        features = [self._array(self.hidden), self._array(3, channels)]
        self._stage(projection_stage(self.model.embed), None, features)
        between: list[ChannelArray] = []
        for number, block in enumerate(self.model.blocks):
            if self.model.moves is not None:
                self.positions = self._moved_positions(number, features[1])
            if isinstance(block, MessageBlock):
                self._stage(block.stage(), features, features)
                continue
            assert isinstance(block, GeometricHyenaBlock)
            between = between or [self._array(*lead) for lead in _emitted(block, self.hidden, channels)]
            self._stage(block.first_stage(), features, between)
            gathered = self._mix(block, between)
            self._stage(block.second_stage(), [*features, *gathered], features)
        moved = self._array(3)
        for start, stop in self._blocks():
            scalars, vectors = (array.read(start, stop) for array in features)
            positions = self.batch.positions[start:stop].to(self.dtype)
            found = self.model.output(scalars.T, vectors.permute(2, 1, 0), positions)
            features[0].write(found.scalars.T, start)
            moved.write(found.positions.T, start)
        scalars, vectors, positions = (array.mapped() for array in (*features, moved))
        return GeometricOutput(scalars.T, vectors.permute(2, 1, 0), positions.T)

    # --- stages: a block of tokens is read and written, a chunk of it worked on at a time ---

    def _stage(self, stage: Stage, inputs: list[ChannelArray] | None, outputs: list[ChannelArray]) -> None:
        """Both passes; outputs may take the place of inputs. Without inputs: those of the model."""
        sums = None
        for start, stop in self._blocks():
            # No scalars look at vectors on their way to a projection: these need not be read yet.
            held = self._read(inputs, start, stop, scalars_only=True)
            for first, last in _steps(start, stop, staging.CHUNK_TOKENS):
                part = self._bare_geometry(first, last)
                sent, found = stage.look(_cut(held, first - start, last - start), part)
                if sent is not None:
                    self.rows = self.rows or RowArray(sent.shape[1], self.tokens, self.dtype, self.folder)
                    self.rows.write(sent, first)
                for piece, value in zip(part.pieces, found, strict=False):
                    if sums is None:
                        sums = value.new_zeros(len(self.ends), *value.shape[1:])
                    sums[piece.sequences] += value
        distant = stage.projection.distant_senders(sums)
        for start, stop in self._blocks():
            held = self._read(inputs, start, stop)
            made = [torch.empty(*x.lead, stop - start, dtype=self.dtype) for x in outputs]
            for first, last in _steps(start, stop, staging.CHUNK_TOKENS):
                geometry, senders = self._geometry(first, last)
                chunk = _cut(held, first - start, last - start)
                for target, value in zip(made, stage.finish(chunk, geometry, senders, distant), strict=True):
                    target[..., first - start : last - start] = value
            for array, block in zip(outputs, made, strict=True):
                array.write(block, start)

    def _read(
        self, inputs: list[ChannelArray] | None, start: int, stop: int, scalars_only: bool = False
    ) -> list[Tensor]:
        if inputs is None:
            return self._embedded(start, stop)
        empty = torch.empty(0, stop - start, dtype=self.dtype)
        return [empty if scalars_only and len(x.lead) == 2 else x.read(start, stop) for x in inputs]

    def _embedded(self, start: int, stop: int) -> list[Tensor]:
        """What the model makes of its inputs, as the first stage takes it in."""
        given = self.batch.vectors
        vectors = None if given is None else given[start:stop].to(self.dtype)
        scalars = self.model.embed_scalars(self.batch.scalars[start:stop].to(self.dtype))
        return [scalars.T, self.model.input_vectors(self.centred[start:stop], vectors).permute(2, 1, 0)]

    def _bare_geometry(self, start: int, stop: int) -> Geometry:
        """Of some tokens what the first pass looks at."""
        none = self.positions.new_empty(stop - start, 0, 0)
        own = self.positions[start:stop]
        return Geometry(own, none, none, none, self.runs, none, start)

    def _geometry(self, start: int, stop: int) -> tuple[Geometry, Senders]:
        """Of some tokens all, with an index into the rows that their neighbours sent."""
        index, mask = neighbours_of(self.batch, start, stop)
        given = self.batch.edge_features
        features = None if given is None else given[start:stop].to(self.dtype)
        offsets = neighbor_offsets(self.positions[start:stop], self.positions, index)
        edges, coefficients = self.model.edges(offsets, mask, features)
        rows = None
        if self.rows is not None and index.numel():
            rows, index = self.rows.take(index)
        elif self.rows is not None:
            rows = self.positions.new_zeros(1, self.rows.width)
        number = torch.from_numpy(np.searchsorted(self.ends, np.arange(start, stop), side="right"))
        own = self.positions[start:stop]
        return Geometry(own, index, edges, coefficients, self.runs, number, start), Senders(rows)

    # --- convolutions: some channels of all tokens at a time ---

    def _mix(self, block: GeometricHyenaBlock, emitted: list[ChannelArray]) -> list[ChannelArray]:
        """`GeometricHyenaBlock.mix`, with the results in the place of the queries."""
        values, value_vectors, q, q_vectors, k, k_vectors, *pairs = emitted
        for part in self._channels(q):
            (u,) = block.convolve((q.read_channels(part)[None],), (k.read_channels(part)[None],), self.runs)
            q.write_channels(u[0], part)
        for part in self._channels(q_vectors):
            queries, keys = (q_vectors.read_channels(part),), (k_vectors.read_channels(part),)
            if pairs:
                queries, keys = (
                    (scalars.read_channels(part)[None], *vectors)
                    for scalars, vectors in zip(pairs, (queries, keys), strict=True)
                )
            found = block.convolve(queries, keys, self.runs, part)
            del queries, keys
            q_vectors.write_channels(found[-1], part)
            if pairs:
                pairs[0].write_channels(found[0][0], part)
        return [values, value_vectors, q, q_vectors, *pairs[:1]]

    def _channels(self, array: ChannelArray) -> Iterator[slice]:
        return (slice(*bounds) for bounds in _steps(0, array.lead[-1], self.plan.channels))

    # --- tokens ---

    def _blocks(self) -> Iterator[tuple[int, int]]:
        return _steps(0, self.tokens, self.plan.block)

    def _array(self, *lead: int) -> ChannelArray:
        return ChannelArray(lead, self.tokens, self.dtype, self.folder)

    def _centred_positions(self) -> Tensor:
        """(T, 3), less the mean of each sequence; nothing but the result is held for all tokens."""
        held = torch.empty(self.tokens, 3, dtype=self.dtype)
        for start, stop in self._blocks():
            held[start:stop] = self.batch.positions[start:stop]
            if not torch.isfinite(held[start:stop]).all():
                raise InputError(f"positions: tokens {start} to {stop - 1} have one that is not finite")
        for start, stop in pairwise([0, *self.ends.tolist()]):
            held[start:stop] -= held[start:stop].mean(dim=0)
        return held

    def _moved_positions(self, block: int, vectors: ChannelArray) -> Tensor:
        """(T, 3), where tokens are for a block of a model that moves them."""
        moved = self.positions if self.positions is not self.centred else torch.empty_like(self.centred)
        for start, stop in self._blocks():
            arriving = vectors.read(start, stop).permute(2, 1, 0)
            moved[start:stop] = self.model.moved(self.centred[start:stop], arriving, block)
        return moved


def _emitted(block: GeometricHyenaBlock, hidden: int, channels: int) -> list[tuple[int, ...]]:
    """What `GeometricHyenaBlock.emit` puts out, less its last axis."""
    met: list[tuple[int, ...]] = [] if block.to_pairs is None else [(channels,), (channels,)]
    return [(hidden,), (3, channels)] * 3 + met


def _steps(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + size, stop)) for first in range(start, stop, size))


def _cut(inputs: Sequence[Tensor], start: int, stop: int) -> list[Tensor]:
    return [x[..., start:stop] for x in inputs]
