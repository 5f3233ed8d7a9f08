"""States of many systems of particles, what a model sees of them, and symmetries of their physics."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.geometry.graph import GeometricGraph

NODE_FEATURES = 2
EDGE_FEATURES = 8


@dataclass(frozen=True, eq=False)
class NBodySample:
    """A state of n particles and how far each of them goes.

    Both are as seen by one who moves with the centre of mass, wherever that moves on as it does.

    Attributes:
        graph: positions (n, 3); velocities as vectors (n, 1, 3); speed and charge as scalars (n, 2); all
            others as neighbours, with edge features (n, n - 1, 8): charges, distance, energy and angular
            momentum of a pair.
        target: displacements (n, 3): the same squared error as that of the positions.
    """

    graph: GeometricGraph
    target: Tensor


class States(NamedTuple):
    """Of S trajectories of n particles.

    Attributes:
        vectors: (4, S, n, 3) positions, velocities, displacements to where they are later, velocities there.
        charges: (S, n).
        drift: (S, 1, 3) how far the centre of mass goes meanwhile; 0 where that is not known beforehand.
        lag: time units from one to the other.
    """

    vectors: Tensor
    charges: Tensor
    drift: Tensor
    lag: float

    @classmethod
    def of(cls, vectors: Tensor, charges: Tensor, *, lag: float, walls: bool) -> Self:
        """Forces between particles leave the centre of mass alone; walls do not."""
        drift = lag * vectors[1].mean(dim=1, keepdim=True)
        return cls(vectors, charges, torch.zeros_like(drift) if walls else drift, lag)

    @property
    def pairs(self) -> int:
        """Pairs of particles in all trajectories."""
        return self.charges.shape[0] * self.charges.shape[1] ** 2

    def one(self, index: int) -> "States":
        """Those of one trajectory, S = 1."""
        only = slice(index, index + 1)
        return States(self.vectors[:, only], self.charges[only], self.drift[only], self.lag)

    def relative(self) -> "Relative":
        """As seen from the centre of mass, all trajectories at once."""
        positions, velocities, displacements, _ = self.vectors
        velocities, charges = velocities - self.drift / self.lag, self.charges[..., None]
        return Relative(
            torch.cat([velocities.norm(dim=-1, keepdim=True), charges], dim=-1),
            positions,
            velocities[:, :, None],
            _edges(positions, velocities, charges),
            displacements - self.drift,
        )

    def reordered(self, generator: np.random.Generator) -> "States":
        """Each trajectory in a random order of its particles."""
        count, particles = self.charges.shape
        order = torch.from_numpy(generator.permuted(np.tile(np.arange(particles), (count, 1)), axis=1))
        rows = torch.arange(count)[:, None]
        return self._replace(vectors=self.vectors[:, rows, order], charges=self.charges[rows, order])

    def mirrored(self, generator: np.random.Generator) -> "States":
        """About half of them inverted in the origin, half with opposite charges, and half run backwards."""
        place, charge, time = torch.from_numpy(generator.choice([-1.0, 1.0], size=(3, len(self.charges), 1)))
        positions, velocities, displacements, arriving = self.vectors
        backwards = torch.stack([positions + displacements, -arriving, -displacements, -velocities])
        vectors = torch.where(time[..., None] < 0, backwards, self.vectors)
        return self._replace(
            vectors=vectors * place[..., None].to(vectors),
            charges=self.charges * charge.to(vectors),
            drift=self.drift * (place * time)[..., None].to(vectors),
        )


class Relative(NamedTuple):
    """What a model sees of S trajectories of n particles, and what it is to predict.

    Attributes:
        scalars: (S, n, 2).
        positions: (S, n, 3).
        velocities: (S, n, 1, 3).
        edges: (S, n, n - 1, 4).
        targets: (S, n, 3).
    """

    scalars: Tensor
    positions: Tensor
    velocities: Tensor
    edges: Tensor
    targets: Tensor

    def sample(self, index: int) -> NBodySample:
        """That of one trajectory."""
        scalars, positions, velocities, edges, target = (x[index] for x in self)
        return NBodySample(
            GeometricGraph(scalars, positions, velocities, _others(len(target)), edges), target
        )


@lru_cache
def _others(count: int) -> Tensor:
    """All particles but its own for each of so many, (n, n - 1)."""
    return torch.arange(count).expand(count, count)[~torch.eye(count, dtype=torch.bool)].view(count, -1)


def _edges(positions: Tensor, velocities: Tensor, charges: Tensor) -> Tensor:
    """What decides how two particles would move if they were alone, (S, n, n - 1, 8).

    The product of the charges; three functions of the distance that tell small ones apart, where the force is
    large; how fast the distance grows, and how fast they pass each other; their energy and angular momentum.
    """
    neighbors = _others(positions.shape[1])
    offsets, relative = (x[:, neighbors] - x[:, :, None] for x in (positions, velocities))
    charge = charges[:, :, None] * charges[:, neighbors]
    squared = offsets.square().sum(dim=-1, keepdim=True)
    distance = squared.sqrt()
    beyond = distance + 0.01  # as good as the distance, and never zero
    growing = (offsets * relative).sum(dim=-1, keepdim=True) / beyond
    momentum = torch.linalg.cross(offsets, relative).norm(dim=-1, keepdim=True)
    energy = relative.square().sum(dim=-1, keepdim=True) / 4 + charge / beyond
    functions = torch.log(beyond), 1 / (distance + 0.3), 1 / (squared + 0.1)
    return torch.cat([charge, *functions, growing, momentum / beyond, energy, momentum], dim=-1)


def in_other_units(vectors: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Motions (4, S, n, 3), in the order of `States`, in units in which they take `times` (S,) as long.

    Coulomb's law and Newton's are the same where lengths grow by a factor and times by its power 3/2, charges
    and masses as they are.
    """
    length = times ** (2 / 3)
    factors = np.stack([length, length / times] * 2)
    return vectors * factors[..., None, None].astype(vectors.dtype)
