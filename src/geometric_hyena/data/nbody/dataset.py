"""Charged particles as graphs with targets."""

import hashlib
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from geometric_hyena.data.nbody.cache import cached_trajectories
from geometric_hyena.data.nbody.config import NBodyConfig, resolve_config, start_steps
from geometric_hyena.data.nbody.simulation import Trajectories
from geometric_hyena.data.splits import Splits
from geometric_hyena.geometry.graph import GeometricGraph

NODE_FEATURES = 2
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class NBodySample:
    """A state of n particles and how far each of them goes.

    Attributes:
        graph: positions (n, 3); velocities as vectors (n, 1, 3); speed and charge as scalars (n, 2); all
            others as neighbours, with the product of the charges as edge feature (n, n - 1, 1).
        target: displacements (n, 3): the same squared error as that of the positions.
    """

    graph: GeometricGraph
    target: Tensor


class _States(NamedTuple):
    """Of S trajectories of n particles.

    Attributes:
        vectors: (4, S, n, 3) positions, velocities, displacements to where they are later, velocities there.
        charges: (S, n).
    """

    vectors: Tensor
    charges: Tensor

    def sample(self, index: int) -> NBodySample:
        """That of one trajectory."""
        positions, velocities, displacements, _ = self.vectors[:, index]
        charges = self.charges[index, :, None]
        neighbors = _others(len(charges))
        graph = GeometricGraph(
            torch.cat([velocities.norm(dim=1, keepdim=True), charges], dim=1),
            positions,
            velocities[:, None],
            neighbors,
            charges[:, None] * charges[neighbors],
        )
        return NBodySample(graph, displacements)

    def reordered(self, generator: np.random.Generator) -> "_States":
        """Each trajectory in a random order of its particles."""
        count, particles = self.charges.shape
        order = torch.from_numpy(generator.permuted(np.tile(np.arange(particles), (count, 1)), axis=1))
        rows = torch.arange(count)[:, None]
        return _States(self.vectors[:, rows, order], self.charges[rows, order])

    def mirrored(self, generator: np.random.Generator) -> "_States":
        """About half of them inverted in the origin, half with opposite charges, and half run backwards."""
        place, charge, time = torch.from_numpy(generator.choice([-1.0, 1.0], size=(3, len(self.charges), 1)))
        positions, velocities, displacements, arriving = self.vectors
        backwards = torch.stack([positions + displacements, -arriving, -displacements, -velocities])
        vectors = torch.where(time[..., None] < 0, backwards, self.vectors)
        return _States(vectors * place[..., None].to(vectors), self.charges * charge.to(vectors))


@lru_cache
def _others(count: int) -> Tensor:
    """All particles but its own for each of so many, (n, n - 1)."""
    return torch.arange(count).expand(count, count)[~torch.eye(count, dtype=torch.bool)].view(count, -1)


class _Current(Dataset[NBodySample]):
    """One sample per trajectory of the current states."""

    current: _States

    def __len__(self) -> int:
        return len(self.current.charges)

    def __getitem__(self, index: int) -> NBodySample:
        return self.current.sample(index)


class NBodyDataset(_Current):
    """One sample per trajectory.

    The order of the particles is arbitrary: that of the simulation, the same for a trajectory in every epoch.

    Args:
        trajectories: S trajectories at some of their steps.
        starts: (S,) which of those is the input; None: drawn for every trajectory in every epoch.
        choices: how many of the first of those may be drawn.
        ahead: how many of those further the target lies.
        seed: of what is drawn.
    """

    def __init__(
        self, trajectories: Trajectories, starts: np.ndarray | None, *, choices: int, ahead: int, seed: int
    ):
        self._trajectories = trajectories
        self._fixed, self._choices, self._ahead, self._seed = starts, choices, ahead, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw other start frames, where they are drawn."""
        starts, found = self._fixed, self._trajectories
        if starts is None:
            starts = np.random.default_rng([self._seed, epoch]).integers(
                self._choices, size=len(found.charges)
            )
        rows = np.arange(len(found.charges))
        here, there = (rows, starts), (rows, starts + self._ahead)
        position, arriving = found.positions[here], found.velocities[there]
        vectors = (position, found.velocities[here], found.positions[there] - position, arriving)
        self.current = _States(torch.from_numpy(np.stack(vectors)), torch.from_numpy(found.charges))

    def states(self) -> tuple[Tensor, Tensor, Tensor]:
        """Positions, velocities and displacements of all samples, (S, n, 3) each."""
        positions, velocities, displacements, _ = self.current.vectors
        return positions, velocities, displacements


class Shuffled(_Current):
    """The same samples with their particles in a random order, another one for each, always the same."""

    def __init__(self, samples: NBodyDataset, seed: int = 0):
        self.current = samples.current.reordered(np.random.default_rng(seed))


class Augmented(_Current):
    """The same samples, in every epoch in other orders, mirrored, with opposite charges, run backwards.

    The physics knows neither order nor handedness, nor which charge is positive, nor, to the order of its
    time step, the direction of time. A model with long convolutions would learn a few thousand trajectories
    by heart.
    """

    def __init__(self, samples: NBodyDataset, seed: int = 0):
        self.samples, self.seed = samples, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Move on to the orders of another epoch, and to its start frames where they are drawn."""
        self.samples.set_epoch(epoch)
        generator = np.random.default_rng([self.seed, epoch])
        self.current = self.samples.current.reordered(generator).mirrored(generator)


class NBodyData(Splits[NBodyDataset]):
    """Trajectories of charged particles."""


def load_nbody(config: NBodyConfig) -> NBodyData:
    """Simulate the splits of a configuration, or take them from the cache.

    Raises:
        InputError: naming the value that cannot be used.
    """
    config = resolve_config(config)
    starts = start_steps(config)
    targets = [start + config.lag for start in starts]
    steps = sorted({*starts, *targets})
    ahead = steps.index(targets[0])
    splits, checksums = {}, {}
    for number, name in enumerate(_SPLITS):
        count: int = getattr(config, name)
        found = cached_trajectories(config.particles, count, [config.seed, number], steps, bool(config.walls))
        # In validation and test the start frames are spread evenly and stay the same.
        spread = np.arange(count) * len(starts) // count
        drawn = name == "train" and len(starts) > 1
        splits[name] = NBodyDataset(
            found, None if drawn else spread, choices=len(starts), ahead=ahead, seed=config.seed
        )
        arrays = (found.positions, found.velocities, found.charges)
        checksums[name] = hashlib.sha256(b"".join(np.ascontiguousarray(x).data for x in arrays)).hexdigest()
    identity = {"data": "nbody", **asdict(config), "start_steps": starts, "sha256": checksums}
    return NBodyData(**splits, identity=identity)
