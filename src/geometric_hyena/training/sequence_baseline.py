"""Training of the GRU that stands beside every RNA result: minutes on a CPU, once for the same molecules.

Its weights are kept in the cache directory: all models that are compared on the same molecules, and every
evaluation of theirs, stand beside the same GRU.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.data.download import cache_directory
from geometric_hyena.data.kept_arrays import read_kept, write_kept
from geometric_hyena.data.progress import tracked
from geometric_hyena.data.rna.records import Level, RnaRecord
from geometric_hyena.data.rna.sequence_features import SEQUENCE_FEATURES, sequence_features
from geometric_hyena.errors import WriteError
from geometric_hyena.models.baselines.gru import BidirectionalGRU
from geometric_hyena.training.losses import mean_column_rmse


@dataclass(frozen=True)
class GRURecipe:
    """AdamW with a one-cycle schedule on the mean of column RMSEs.

    Attributes:
        hidden: units in each direction.
        layers: number of layers.
        dropout: between layers and before the output.
        learning_rate: largest rate of the cycle.
        epochs: passes over the training molecules.
        batch_size: molecules per step.
    """

    hidden: int = 128
    layers: int = 2
    dropout: float = 0.3
    learning_rate: float = 2e-3
    epochs: int = 40
    batch_size: int = 32


def gru_predictions(
    train: Sequence[RnaRecord],
    asked: Sequence[RnaRecord],
    level: Level,
    seed: int = 0,
    recipe: GRURecipe | None = None,
) -> np.ndarray:
    """Train on the training molecules, unless that has been done before, and predict for others.

    Nothing is chosen by looking at other molecules: the weights are those of the last step.

    Args:
        train: molecules with targets.
        asked: molecules to predict for.
        level: whether targets belong to nucleotides or to molecules.
        seed: of weights, dropout and the order of molecules.
        recipe: sizes and schedule.

    Returns:
        (sum of N, T) of the molecules asked for, end to end, or (M, T).
    """
    recipe = recipe or GRURecipe()
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _trained(train, level, seed, recipe).eval()
        with torch.no_grad():
            return torch.cat([model(*_packed([record])) for record in asked]).numpy()


@contextmanager
def _one_thread() -> Iterator[None]:
    """A GRU takes thousands of small steps, and threads wait for one another at each of them.

    Two threads on two free cores are 1.5 times as fast as one, and forty times as slow where something else
    runs on one of the cores. With one, predictions do not depend on the number of threads, either.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _trained(train: Sequence[RnaRecord], level: Level, seed: int, recipe: GRURecipe) -> BidirectionalGRU:
    """With the weights that are kept, else trained, and its weights kept where they can be."""
    model = BidirectionalGRU(
        SEQUENCE_FEATURES,
        train[0].targets.shape[1],
        recipe.hidden,
        recipe.layers,
        recipe.dropout,
        pooled=level == "molecule",
    )
    path = _path(train, level, seed, recipe)
    kept = read_kept(path)
    if kept is not None:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in kept.items()})
        return model
    _train(model, train, recipe)
    with suppress(WriteError):  # what it says of the molecules is not lost with it
        write_kept(path, {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    return model


def _path(train: Sequence[RnaRecord], level: Level, seed: int, recipe: GRURecipe) -> Path:
    """Where the weights are kept: a name for all that they depend on. Other features or steps: another 1."""
    digest = hashlib.sha256(json.dumps([1, level, seed, asdict(recipe), SEQUENCE_FEATURES]).encode())
    for record in train:
        digest.update(f"{record.sequence} {record.structure} {record.targets.shape};".encode())
        digest.update(record.targets.astype(np.float32).tobytes())
    return cache_directory() / "gru" / f"{digest.hexdigest()[:32]}.npz"


def _train(model: BidirectionalGRU, train: Sequence[RnaRecord], recipe: GRURecipe) -> None:
    batches = -(-len(train) // recipe.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.epochs * batches
    )
    features = [sequence_features(record) for record in train]
    targets = [torch.from_numpy(record.targets.astype(np.float32)) for record in train]
    for _ in tracked(range(recipe.epochs), recipe.epochs, "training the GRU"):
        order = torch.randperm(len(train)).tolist()
        for start in range(0, len(order), recipe.batch_size):
            chosen = order[start : start + recipe.batch_size]
            lengths = torch.tensor([len(train[i]) for i in chosen])
            said = model(torch.cat([features[i] for i in chosen]), lengths)
            loss = mean_column_rmse(said, torch.cat([targets[i] for i in chosen]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()


def _packed(records: Sequence[RnaRecord]) -> tuple[Tensor, Tensor]:
    """Features end to end, and lengths."""
    lengths = torch.tensor([len(record) for record in records])
    return torch.cat([sequence_features(record) for record in records]), lengths
