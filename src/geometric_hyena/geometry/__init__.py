"""Geometric graphs, neighbour search and rotations."""

from geometric_hyena.geometry.graph import GeometricBatch, GeometricGraph, collate
from geometric_hyena.geometry.neighbors import Neighbors, nearest_neighbors, sequence_neighbors
from geometric_hyena.geometry.rotations import random_rotation, reflection

__all__ = [
    "GeometricBatch",
    "GeometricGraph",
    "Neighbors",
    "collate",
    "nearest_neighbors",
    "random_rotation",
    "reflection",
    "sequence_neighbors",
]
