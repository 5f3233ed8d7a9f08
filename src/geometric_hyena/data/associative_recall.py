"""Geometric associative recall: find the vector that followed the last one where it stood before.

A vocabulary holds V bigrams of a key and a value, vectors of isotropic directions and lengths uniform in
[1, V]. A sequence is sampled bigrams end to end; its last token is a key that stood before with its value,
and that value is the target (Geometric Hyena, section 4.2; SE(3)-Hyena, section 4.1). Rotating the sequence
rotates the target.

`random`: every sequence has a vocabulary of its own, so that only retrieval in context solves it. `fixed`:
one vocabulary for all, each sequence randomly rotated (validation and test too, else they would be one
orientation that training need not generalise to). Training sequences are new in every epoch, validation and
test ones always the same; each depends on nothing but the seed, its split and its number.

A token has no place in space. Its vector stands for both: as input vector and, as in the paper, as position,
so that messages between neighbours see the two vectors of a bigram together (their difference, and its
length). Its scalars are a sinusoidal encoding of its place in the sequence.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from geometric_hyena.data.splits import Splits
from geometric_hyena.errors import InputError
from geometric_hyena.files import make_folder, replacing
from geometric_hyena.geometry.graph import GeometricGraph
from geometric_hyena.geometry.neighbors import sequence_neighbors
from geometric_hyena.geometry.positional import positional_features
from geometric_hyena.geometry.rotations import random_rotation

POSITIONAL_FEATURES = 16
_SPLITS = ("train", "validation", "test")
_VOCABULARY = len(_SPLITS)  # the stream of random numbers of the shared vocabulary


@dataclass(frozen=True)
class AssociativeRecallConfig:
    """Sequences of vectors whose last token asks for what followed it before.

    Attributes:
        length: tokens per sequence.
        vocabulary: bigrams to sample from.
        variant: random (a vocabulary per sequence) or fixed (one, rotated per sequence).
        train: training sequences per epoch, new ones in every epoch.
        validation: validation sequences.
        test: test sequences.
        seed: of the sequences; that of weights and order is another.
    """

    length: int = 32
    vocabulary: int = 4
    variant: str = "random"
    train: int = 2600
    validation: int = 200
    test: int = 200
    seed: int = 0


def check_config(config: AssociativeRecallConfig) -> None:
    """Check the values.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    least = {"length": 3, "vocabulary": 2, "train": 1, "validation": 1, "test": 1}
    for name, value in least.items():
        if getattr(config, name) < value:
            raise InputError(f"data.{name}: expected at least {value}, got {getattr(config, name)}")
    if config.variant not in ("random", "fixed"):
        raise InputError(f"data.variant: expected random or fixed, got '{config.variant}'")
    if not 0 <= config.seed < 2**31:
        raise InputError(f"data.seed: expected a whole number from 0 to {2**31 - 1}, got {config.seed}")


@dataclass(frozen=True, eq=False)
class RecallSample:
    """A sequence of N vectors as a graph, and the vector to retrieve, (3,)."""

    graph: GeometricGraph
    target: Tensor


class AssociativeRecall(Dataset[RecallSample]):
    """The sequences of one split, generated when asked for.

    Args:
        config: what they are like.
        split: train, validation or test.

    Raises:
        InputError: for a configuration that cannot be used.
    """

    def __init__(self, config: AssociativeRecallConfig, split: str):
        check_config(config)
        self.config = config
        self.size: int = getattr(config, split)
        self.epoch = 0
        self._stream = _SPLITS.index(split)
        self._scalars = positional_features(config.length, POSITIONAL_FEATURES).float()
        self._neighbors = sequence_neighbors(config.length)
        self._shared = _vocabulary(_generator(config, _VOCABULARY, 0), config.vocabulary)

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Move on to the sequences of another epoch; those of validation and test are always the same."""
        self.epoch = epoch if self._stream == 0 else 0

    def sequence(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (N, 3) and target (3,) of a sequence, float64."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        generator = _generator(self.config, self._stream, self.epoch * self.size + index)
        random = self.config.variant == "random"
        bigrams = _vocabulary(generator, self.config.vocabulary) if random else self._shared
        chosen = _chosen_bigrams(generator, self.config.length, self.config.vocabulary)
        vectors = bigrams[chosen].reshape(-1, 3)
        if not random:
            vectors = vectors @ _rotation(generator).T
        # The last value is the target; of an even number of tokens the first is a value without its key.
        return vectors[-1 - self.config.length : -1], vectors[-1]

    def __getitem__(self, index: int) -> RecallSample:
        tokens, target = (torch.from_numpy(x).float() for x in self.sequence(index))
        graph = GeometricGraph(self._scalars, tokens, tokens[:, None], self._neighbors)
        return RecallSample(graph, target)

    def targets(self) -> Tensor:
        """The vectors to retrieve, (M, 3)."""
        return torch.from_numpy(np.stack([self.sequence(i)[1] for i in range(self.size)])).float()


class RecallData(Splits[AssociativeRecall]):
    """Associative recall; its sequences are made when asked for."""


def load_associative_recall(config: AssociativeRecallConfig) -> RecallData:
    """The splits of a configuration.

    Raises:
        InputError: naming the value that cannot be used.
    """
    splits = {name: AssociativeRecall(config, name) for name in _SPLITS}
    return RecallData(**splits, identity={"data": "associative_recall", **asdict(config)})


def write_recall(config: AssociativeRecallConfig, path: Path) -> Path:
    """Write all splits as one npz file: `SPLIT_tokens` (M, N, 3) and `SPLIT_targets` (M, 3), float32.

    Raises:
        InputError: for a configuration that cannot be used, or a path that cannot be written.
    """
    arrays: dict[str, Any] = {}
    for name in _SPLITS:
        split = AssociativeRecall(config, name)
        tokens, targets = zip(*map(split.sequence, range(len(split))), strict=True)
        arrays[f"{name}_tokens"] = np.stack(tokens).astype(np.float32)
        arrays[f"{name}_targets"] = np.stack(targets).astype(np.float32)
    if path.is_dir():
        raise InputError(f"{path}: is a directory; --out expects a file name")
    make_folder(path.parent)
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **arrays)
    return path


def _generator(config: AssociativeRecallConfig, stream: int, number: int) -> np.random.Generator:
    return np.random.default_rng([config.seed, stream, number])


def _vocabulary(generator: np.random.Generator, size: int) -> np.ndarray:
    """Keys and values (V, 2, 3): isotropic directions, lengths uniform in [1, V]."""
    directions = generator.standard_normal((size, 2, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return directions * generator.uniform(1, size, (size, 2, 1))


def _chosen_bigrams(generator: np.random.Generator, length: int, vocabulary: int) -> np.ndarray:
    """Which bigrams a sequence is made of; drawn again until the last one stands whole among the others."""
    count = length // 2 + 1
    first_whole = 1 - length % 2
    while True:
        chosen = generator.integers(vocabulary, size=count)
        if (chosen[first_whole:-1] == chosen[-1]).any():
            return chosen


def _rotation(generator: np.random.Generator) -> np.ndarray:
    return random_rotation(torch.Generator().manual_seed(int(generator.integers(2**63)))).numpy()
