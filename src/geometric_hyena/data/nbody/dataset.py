"""Charged particles as graphs with targets."""

import hashlib
from dataclasses import asdict, dataclass

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


class NBodyDataset(Dataset[NBodySample]):
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
        count = trajectories.charges.shape[1]
        others = torch.arange(count).expand(count, count)[~torch.eye(count, dtype=torch.bool)]
        self._neighbors = others.view(count, count - 1)
        self._positions = torch.from_numpy(trajectories.positions)
        self._velocities = torch.from_numpy(trajectories.velocities)
        self._charges = torch.from_numpy(trajectories.charges)
        self._fixed, self._choices, self._ahead, self._seed = starts, choices, ahead, seed
        self.set_epoch(0)

    def __len__(self) -> int:
        return len(self._charges)

    def set_epoch(self, epoch: int) -> None:
        """Draw other start frames, where they are drawn."""
        drawn = np.random.default_rng([self._seed, epoch]).integers(self._choices, size=len(self))
        self._starts = torch.from_numpy(drawn if self._fixed is None else self._fixed)

    def __getitem__(self, index: int) -> NBodySample:
        start = int(self._starts[index])
        velocities, charges = self._velocities[index, start], self._charges[index, :, None]
        graph = GeometricGraph(
            torch.cat([velocities.norm(dim=1, keepdim=True), charges], dim=1),
            self._positions[index, start],
            velocities[:, None],
            self._neighbors,
            charges[:, None] * charges[self._neighbors],
        )
        return NBodySample(graph, self._positions[index, start + self._ahead] - self._positions[index, start])

    def states(self) -> tuple[Tensor, Tensor, Tensor]:
        """Positions, velocities and displacements of all samples, (S, n, 3) each."""
        rows = torch.arange(len(self))
        now, later = (self._positions[rows, self._starts + ahead] for ahead in (0, self._ahead))
        return now, self._velocities[rows, self._starts], later - now


class _Reordered(Dataset[NBodySample]):
    """The same samples with their particles in other orders."""

    def __init__(self, samples: NBodyDataset, seed: int = 0):
        self.samples, self.seed = samples, seed

    def __len__(self) -> int:
        return len(self.samples)


class Shuffled(_Reordered):
    """The same samples with their particles in a random order, another one for each, always the same."""

    def __getitem__(self, index: int) -> NBodySample:
        return _changed(self.samples[index], np.random.default_rng([self.seed, index]))


class Augmented(_Reordered):
    """The same samples, their particles in another order in every epoch, and every other sample mirrored.

    The physics knows neither order nor handedness, and a model with long convolutions knows both: it would
    learn a few thousand trajectories by heart.
    """

    epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Move on to the orders of another epoch, and to its start frames where they are drawn."""
        self.epoch = epoch
        self.samples.set_epoch(epoch)

    def __getitem__(self, index: int) -> NBodySample:
        generator = np.random.default_rng([self.seed, self.epoch, index])
        return _changed(self.samples[index], generator, mirrored=bool(generator.integers(2)))


def _changed(sample: NBodySample, generator: np.random.Generator, mirrored: bool = False) -> NBodySample:
    """A sample in a random order of its particles, and inverted in the origin where asked for."""
    graph, sign = sample.graph, -1.0 if mirrored else 1.0
    order = torch.from_numpy(generator.permutation(len(graph)))
    charges = graph.scalars[order, 1:]
    assert graph.vectors is not None
    assert graph.neighbors is not None
    return NBodySample(
        GeometricGraph(
            graph.scalars[order],
            sign * graph.positions[order],
            sign * graph.vectors[order],
            graph.neighbors,
            charges[:, None] * charges[graph.neighbors],
        ),
        sign * sample.target[order],
    )


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
