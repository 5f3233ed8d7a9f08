"""What models do with a batch before their first layer: check its features, centre its positions."""

from typing import TYPE_CHECKING

from torch import Tensor

from geometric_hyena.errors import InputError
from geometric_hyena.operators.segments import Run, expand_to_tokens, segment_mean

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch


def check_features(batch: "GeometricBatch", dims: dict[str, int]) -> None:
    """Raise InputError unless the batch has the features of `dims`: scalar_dim, vector_dim, edge_dim."""
    vectors = 0 if batch.vectors is None else batch.vectors.shape[1]
    edges = 0 if batch.edge_features is None else batch.edge_features.shape[2]
    given = {"scalar_dim": batch.scalars.shape[1], "vector_dim": vectors, "edge_dim": edges}
    for name, expected in dims.items():
        if given[name] != expected:
            raise InputError(f"batch: the model was made for {name}={expected}, the batch has {given[name]}")


def centred_positions(batch: "GeometricBatch", runs: list[Run]) -> Tensor:
    """Positions (T, 3) less the mean of each sequence."""
    return batch.positions - expand_to_tokens(segment_mean(batch.positions, runs), runs)
