"""Noise on the positions of training molecules."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import Dataset

from geometric_hyena.data.rna.dataset import RnaSample


class Jittered(Dataset[RnaSample]):
    """The same molecules with their tokens elsewhere by a little, in every epoch anew; neighbours stay.

    A sketch is one of many structures that suit a sequence, and a model would learn by heart which: what it
    is to learn does not hang on such distances.

    Args:
        samples: the molecules.
        deviation: standard deviation of every coordinate, angstrom; 0 leaves all as it is.
        seed: of the noise, which depends on nothing else but epoch and number.
    """

    def __init__(self, samples: Sequence[RnaSample], deviation: float, seed: int):
        self.samples, self.deviation, self.seed = samples, deviation, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.samples)

    def set_epoch(self, epoch: int) -> None:
        """Move on to the noise of another epoch."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> RnaSample:
        sample = self.samples[index]
        if not self.deviation:
            return sample
        generator = np.random.default_rng([self.seed, self.epoch, index])
        positions = sample.graph.positions
        noise = torch.from_numpy(generator.standard_normal(positions.shape)).to(positions)
        return replace(sample, graph=replace(sample.graph, positions=positions + self.deviation * noise))
