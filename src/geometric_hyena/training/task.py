"""What a recipe trains for: a task unpacks its data for a model and judges what the model says.

Data sets know nothing of models and models nothing of data sets; a task is where they meet.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler

from geometric_hyena.geometry.graph import GeometricBatch
from geometric_hyena.training import ranks
from geometric_hyena.training.losses import Loss
from geometric_hyena.training.run_directory import RunDirectory

Metrics = dict[str, dict[str, float]]

# Samples that are predicted for at a time, unless a task says otherwise.
PREDICTED_TOGETHER = 4


class TaskBatch(NamedTuple):
    """Packed graphs, what is to be predicted of them, and the names of the samples that have some.

    `idle`: of processes that train together this one has nothing to do in the step; the batch does not count.
    """

    inputs: GeometricBatch
    target: Tensor
    names: tuple[str, ...] = ()
    idle: bool = False


class Predictor(nn.Module):
    """A model and the readout of a task, a module that takes the model's output and the batch.

    `check`, where it is set, is called with the lengths of every batch before `predict_all` runs it.
    """

    check: Callable[[Sequence[int]], None] | None = None

    def __init__(self, model: nn.Module, readout: nn.Module):
        super().__init__()
        self.model = model
        self.readout = readout

    def forward(self, batch: GeometricBatch) -> Tensor:
        """The prediction for a batch, shaped as the readout says: (T, 3), (B, 3), (R, targets), ..."""
        return self.with_auxiliary(batch)[0]

    def with_auxiliary(self, batch: GeometricBatch) -> tuple[Tensor, Tensor | None]:
        """The prediction, and what the model adds to the loss in training, if anything."""
        output = self.model(batch)
        return self.readout(output, batch), output.auxiliary


class Task(ABC):
    """One recipe's data, readout, loss, metrics and report.

    `needs` is what its readout takes of a model, "scalars" or "vectors"; `criterion` is what training lowers.
    """

    needs: str = "scalars"
    criterion: Loss

    # Data sets of samples that `collate` packs; each task knows their type.
    train: Any
    validation: Any
    identity: dict[str, Any]

    @abstractmethod
    def __init__(self, config: Any):
        """Read and check the data that the run's configuration names, before anything is written."""

    def resolved(self, config: Any) -> Any:
        """The run's configuration with what only the data could tell, such as the names of targets."""
        return config

    def largest(self) -> int:
        """Tokens of the largest sample; here all have as many as the first."""
        return max(len(samples[0].graph) for samples in (self.train, self.validation))

    @abstractmethod
    def predictor(self, config: Any) -> Predictor:
        """A fresh model with this task's readout, as the run's configuration says."""

    @abstractmethod
    def collate(self, samples: Sequence[Any]) -> TaskBatch:
        """Pack samples of the data sets."""

    def undisturbed(self) -> Any:
        """The training samples as a prediction would meet them, without augmentation."""
        return self.train

    def name_of(self, sample: Any) -> str:
        """What messages call a sample of the data sets; empty where it has no name."""
        return ""

    def named_batch(self, samples: Sequence[Any]) -> TaskBatch:
        """`collate`, with the names of the samples."""
        names = tuple(filter(None, map(self.name_of, samples)))
        return self.collate(samples)._replace(names=names)

    @abstractmethod
    def evaluate(self, predictor: Predictor) -> "Evaluation":
        """Metrics of the predictor and of every trivial baseline, on validation and test."""


class Evaluation(ABC):
    """The outcome of judging a predictor.

    `metrics` is {"test": {"model": {"mse": ...}, "no_motion": {"mse": ...}, ...}, "validation": ...};
    `reference` is the trivial baseline that ratios are taken to.
    """

    metrics: dict[str, Metrics]
    reference: str = "no_motion"

    @abstractmethod
    def headline(self) -> str:
        """One sentence with the result."""

    @abstractmethod
    def write_report(self, run: RunDirectory) -> None:
        """Write the run's report.html."""


def predict_all(
    predictor: Predictor,
    pack: Callable[[Sequence[Any]], TaskBatch],
    samples: Dataset,
    batch_size: int = PREDICTED_TOGETHER,
) -> Tensor:
    """Predictions for every sample in order, packed (T, ...), on the CPU.

    Processes that train together take every P-th batch each and exchange what they found.

    Raises:
        InputError: where the predictor's check refuses a batch.
    """
    device = next(predictor.parameters()).device
    batches = list(BatchSampler(SequentialSampler(samples), batch_size, drop_last=False))  # pyright: ignore[reportArgumentType]
    loader = DataLoader(samples, batch_sampler=batches[ranks.rank() :: ranks.count()], collate_fn=pack)
    predictor.eval()
    with torch.no_grad():
        own = []
        for batch in loader:
            if predictor.check is not None:
                predictor.check(batch.inputs.lengths.tolist())
            own.append(predictor(batch.inputs.to(device)).cpu())
        parts = ranks.gathered(own)
    return torch.cat([parts[number % len(parts)][number // len(parts)] for number in range(len(batches))])
