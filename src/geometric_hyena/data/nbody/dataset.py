"""Charged particles as graphs with targets."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from geometric_hyena.data.nbody.cache import cached_trajectories
from geometric_hyena.data.nbody.config import (
    NBodyConfig,
    drawn_lags,
    resolve_config,
    start_steps,
    train_start_steps,
)
from geometric_hyena.data.nbody.simulation import TIME_STEP, Trajectories
from geometric_hyena.data.nbody.states import NBodySample, States, in_other_units
from geometric_hyena.data.splits import Splits

_SPLITS = ("train", "validation", "test")
_PAIRS_AT_ONCE = 1 << 21  # of particles, whose edges are kept: 32 MiB


class _Current(Dataset[NBodySample]):
    """One sample per trajectory of the current states."""

    @property
    def current(self) -> States:
        """The states as simulated."""
        return self._current

    @current.setter
    def current(self, states: States) -> None:
        self._current, self._relative = states, None

    def __len__(self) -> int:
        return len(self._current.charges)

    def __getitem__(self, index: int) -> NBodySample:
        if self._current.pairs > _PAIRS_AT_ONCE:
            return self._current.one(index).relative().sample(0)
        # Of small systems once for all: one by one it would take a quarter of a training step. Not before one
        # is asked for: of those that are augmented none is.
        self._relative = self._relative or self._current.relative()
        return self._relative.sample(index)


class NBodyDataset(_Current):
    """One sample per trajectory.

    The order of the particles is arbitrary: that of the simulation, the same for a trajectory in every epoch.

    Args:
        trajectories: S trajectories at the steps of `steps`.
        steps: which steps those are, ascending.
        starts: which of them are the input, spread evenly over the trajectories.
        config: how many steps further the target lies; resolved.
    """

    def __init__(
        self, trajectories: Trajectories, steps: Sequence[int], starts: Sequence[int], config: NBodyConfig
    ):
        self._trajectories, self._steps, self._config = trajectories, np.array(steps), config
        count = len(trajectories.charges)
        self._starts = np.array(starts)[np.arange(count) * len(starts) // count]
        self._show(self._starts, np.full(count, config.lag))

    def set_epoch(self, epoch: int) -> None:
        """The same samples in every epoch."""

    def _show(self, starts: np.ndarray, lags: np.ndarray) -> None:
        """Take other steps for input and target, (S,) each; as if the target were always as late."""
        found, config, rows = self._trajectories, self._config, np.arange(len(starts))
        here = rows, np.searchsorted(self._steps, starts)
        there = rows, np.searchsorted(self._steps, starts + lags)
        position, arriving = found.positions[here], found.velocities[there]
        vectors = np.stack((position, found.velocities[here], found.positions[there] - position, arriving))
        self.current = States.of(
            torch.from_numpy(in_other_units(vectors, config.lag / lags)),
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


class DrawnNBodyDataset(NBodyDataset):
    """One sample per trajectory, in every epoch from another step, half of the time from one that a test has.

    With `config.augment` also over other times, in units in which they are as long. Coulomb's law is the same
    there; walls are not.

    Args:
        trajectories, steps, starts, config: those of `NBodyDataset`.
        others: steps that are drawn as well.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        steps: Sequence[int],
        starts: Sequence[int],
        config: NBodyConfig,
        others: Sequence[int],
    ):
        super().__init__(trajectories, steps, starts, config)
        self._others, self._lags = np.array(others), np.array(drawn_lags(config))
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw other steps."""
        config, count = self._config, len(self._starts)
        generator = np.random.default_rng([config.seed, epoch])
        asked = generator.permutation(self._starts)
        starts = np.where(generator.random(count) < 0.5, asked, generator.choice(self._others, size=count))
        lags = generator.choice(self._lags, size=count)
        self._show(starts, np.where(np.isin(starts + lags, self._steps), lags, config.lag))


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
    asked, trained = start_steps(config), train_start_steps(config)
    splits, checksums = {}, {}
    for number, name in enumerate(_SPLITS):
        count: int = getattr(config, name)
        starts = {*asked, *trained} if name == "train" else asked
        steps = sorted({*starts, *(start + config.lag for start in starts)})
        found = cached_trajectories(config.particles, count, [config.seed, number], steps, bool(config.walls))
        splits[name] = NBodyDataset(found, steps, asked, config)
        if name == "train":
            splits["train_as_test"] = splits[name]
            if len(trained) > 1:
                splits[name] = DrawnNBodyDataset(found, steps, asked, config, trained)
            elif trained != asked:
                splits[name] = NBodyDataset(found, steps, trained, config)
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
