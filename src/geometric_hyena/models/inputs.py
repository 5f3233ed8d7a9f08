"""What models do with a batch before their first layer, and after their last: check, centre, sum."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geometric_hyena.errors import InputError
from geometric_hyena.operators.segments import (
    Run,
    equal_length_runs,
    expand_to_pieces,
    expand_to_tokens,
    piece_sums,
    segment_mean,
    segment_sum,
)

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


def check_features(batch: "GeometricBatch", dims: dict[str, int], *, sharded: bool = False) -> None:
    """Raise InputError unless the batch has the features of `dims`: scalar_dim, vector_dim, edge_dim.

    Also if its tokens are sharded over ranks and the model is not one that takes those (`sharded`).
    """
    if batch.sharding is not None and not sharded:
        raise InputError(
            "batch: its tokens are sharded over ranks, which only GeometricHyena and SE3Hyena take; "
            "give this model the whole batch"
        )
    vectors = 0 if batch.vectors is None else batch.vectors.shape[1]
    edges = 0 if batch.edge_features is None else batch.edge_features.shape[2]
    given = {"scalar_dim": batch.scalars.shape[1], "vector_dim": vectors, "edge_dim": edges}
    for name, expected in dims.items():
        if given[name] != expected:
            raise InputError(f"batch: the model was made for {name}={expected}, the batch has {given[name]}")


def centred_positions(batch: "GeometricBatch", runs: list[Run]) -> Tensor:
    """Positions (T, 3) less the mean of each sequence."""
    if batch.sharding is None:
        return batch.positions - expand_to_tokens(segment_mean(batch.positions, runs), runs)
    return batch.positions - expand_to_pieces(sequence_means(batch.positions, batch), batch.sharding.pieces)


def stacked_vectors(positions: Tensor, vectors: Tensor | None) -> Tensor:
    """Positions (n, 3) as a vector more, in front of the batch's own if it has any: (n, 1 + V, 3)."""
    own = positions[:, None]
    return own if vectors is None else torch.cat([own, vectors], dim=1)


def sequence_sums(packed: Tensor, batch: "GeometricBatch") -> Tensor:
    """Sum of a packed tensor (T, ...) over each sequence of the batch, (B, ...)."""
    if batch.sharding is None:
        return segment_sum(packed, equal_length_runs(batch.lengths.tolist()))
    return batch.sharding.sequence_sums(piece_sums(packed, batch.sharding.pieces))


def sequence_means(packed: Tensor, batch: "GeometricBatch") -> Tensor:
    """Mean of a packed tensor (T, ...) over each sequence of the batch, (B, ...)."""
    if batch.sharding is None:
        return segment_mean(packed, equal_length_runs(batch.lengths.tolist()))
    sums = sequence_sums(packed, batch)
    lengths = batch.lengths.to(sums.device, sums.dtype)
    return sums / lengths.view(-1, *[1] * (sums.ndim - 1))
