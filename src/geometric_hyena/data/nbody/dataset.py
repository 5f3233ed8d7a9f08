"""Charged particles as graphs with targets."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from geometric_hyena.data.nbody.cache import cached_trajectories
from geometric_hyena.data.nbody.config import NBodyConfig, resolve_config, start_steps
from geometric_hyena.data.nbody.simulation import TIME_STEP, Trajectories
from geometric_hyena.data.splits import Splits
from geometric_hyena.geometry.graph import GeometricGraph

NODE_FEATURES = 2
EDGE_FEATURES = 4
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class NBodySample:
    """A state of n particles and how far each of them goes.

    Both are as seen by one who moves with the centre of mass, wherever that moves on as it does.

    Attributes:
        graph: positions (n, 3); velocities as vectors (n, 1, 3); speed and charge as scalars (n, 2); all
            others as neighbours, with edge features (n, n - 1, 4): the product of the charges, and three
            functions of the distance that tell small ones apart, where the force is large.
        target: displacements (n, 3): the same squared error as that of the positions.
    """

    graph: GeometricGraph
    target: Tensor


class _States(NamedTuple):
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

    def relative(self) -> "_Relative":
        """As seen from the centre of mass, all trajectories at once."""
        positions, velocities, displacements, _ = self.vectors
        velocities, charges = velocities - self.drift / self.lag, self.charges[..., None]
        return _Relative(
            torch.cat([velocities.norm(dim=-1, keepdim=True), charges], dim=-1),
            positions,
            velocities[:, :, None],
            _edges(positions, charges),
            displacements - self.drift,
        )

    def reordered(self, generator: np.random.Generator) -> "_States":
        """Each trajectory in a random order of its particles."""
        count, particles = self.charges.shape
        order = torch.from_numpy(generator.permuted(np.tile(np.arange(particles), (count, 1)), axis=1))
        rows = torch.arange(count)[:, None]
        return self._replace(vectors=self.vectors[:, rows, order], charges=self.charges[rows, order])

    def mirrored(self, generator: np.random.Generator) -> "_States":
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


class _Relative(NamedTuple):
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


def _edges(positions: Tensor, charges: Tensor) -> Tensor:
    neighbors = _others(positions.shape[1])
    offsets = positions[:, neighbors] - positions[:, :, None]
    squared = offsets.square().sum(dim=-1, keepdim=True)
    distance = squared.sqrt()
    functions = [torch.log(distance + 0.01), 1 / (distance + 0.3), 1 / (squared + 0.1)]
    return torch.cat([charges[:, :, None] * charges[:, neighbors], *functions], dim=-1)


class _Current(Dataset[NBodySample]):
    """One sample per trajectory of the current states."""

    @property
    def current(self) -> _States:
        """The states as simulated."""
        return self._current

    @current.setter
    def current(self, states: _States) -> None:
        # Once for all of them: one by one it would take a quarter of a training step.
        self._current, self._relative = states, states.relative()

    def __len__(self) -> int:
        return len(self._current.charges)

    def __getitem__(self, index: int) -> NBodySample:
        return self._relative.sample(index)


class NBodyDataset(_Current):
    """One sample per trajectory.

    The order of the particles is arbitrary: that of the simulation, the same for a trajectory in every epoch.

    Args:
        trajectories: S trajectories at the steps of `steps`.
        steps: which steps those are.
        starts: which of them may be the input.
        config: how many steps further the target lies, and the seed of what is drawn; resolved.
        drawn: whether every trajectory starts from another step in every epoch; else the steps are spread
            evenly over the trajectories and stay the same.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        steps: Sequence[int],
        starts: Sequence[int],
        config: NBodyConfig,
        *,
        drawn: bool,
    ):
        self._trajectories, self._config = trajectories, config
        count = len(trajectories.charges)
        self._here = np.array([steps.index(start) for start in starts])
        self._there = np.array([steps.index(start + config.lag) for start in starts])
        self._spread = None if drawn else np.arange(count) * len(starts) // count
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw other start frames, where they are drawn."""
        found, config, starts = self._trajectories, self._config, self._spread
        rows = np.arange(len(found.charges))
        if starts is None:
            generator = np.random.default_rng([config.seed, epoch])
            starts = generator.integers(len(self._here), size=len(rows))
        here, there = (rows, self._here[starts]), (rows, self._there[starts])
        position, arriving = found.positions[here], found.velocities[there]
        vectors = (position, found.velocities[here], found.positions[there] - position, arriving)
        self.current = _States.of(
            torch.from_numpy(np.stack(vectors)),
            torch.from_numpy(found.charges),
            lag=config.lag * TIME_STEP,
            walls=bool(config.walls),
        )

    def states(self) -> tuple[Tensor, Tensor, Tensor]:
        """Positions, velocities and displacements of all samples, (S, n, 3) each, as simulated."""
        positions, velocities, displacements, _ = self.current.vectors
        return positions, velocities, displacements

    def displacements(self, relative: Tensor) -> Tensor:
        """What is predicted relative to the centre of mass, (S, n, 3), as displacements as simulated.

        Where it is known how the centre of mass moves, it moves that way.
        """
        if self._config.walls:
            return relative
        return relative - relative.mean(dim=1, keepdim=True) + self.current.drift


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


@dataclass(frozen=True, eq=False)
class NBodyData(Splits[NBodyDataset]):
    """Trajectories of charged particles.

    Attributes:
        train_as_test: training trajectories from the steps that validation and test start from.
    """

    train_as_test: NBodyDataset


def load_nbody(config: NBodyConfig) -> NBodyData:
    """Simulate the splits of a configuration, or take them from the cache.

    Raises:
        InputError: naming the value that cannot be used.
    """
    config = resolve_config(config)
    asked, trained = start_steps(config, config.start), start_steps(config, config.train_start)
    if len(trained) > 1:  # what the test asks for is among what training draws
        trained = sorted({*asked, *trained})
    splits, checksums = {}, {}
    for number, name in enumerate(_SPLITS):
        count: int = getattr(config, name)
        starts = {*asked, *trained} if name == "train" else asked
        steps = sorted({*starts, *(start + config.lag for start in starts)})
        found = cached_trajectories(config.particles, count, [config.seed, number], steps, bool(config.walls))
        splits[name] = NBodyDataset(found, steps, asked, config, drawn=False)
        if name == "train":
            splits["train_as_test"] = splits[name]
            splits[name] = NBodyDataset(found, steps, trained, config, drawn=len(trained) > 1)
        arrays = (found.positions, found.velocities, found.charges)
        checksums[name] = hashlib.sha256(b"".join(np.ascontiguousarray(x).data for x in arrays)).hexdigest()
    identity = {
        "data": "nbody",
        **asdict(config),
        "start_steps": asked,
        "train_start_steps": trained,
        "sha256": checksums,
    }
    return NBodyData(**splits, identity=identity)
