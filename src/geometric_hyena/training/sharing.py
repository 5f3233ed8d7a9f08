"""Which samples of every step a process works on, and how the processes' parts become one loss.

A step of P processes is the step of one: its batch is dealt out, process r takes every P-th sample from the
r-th on, and the loss is that of the whole batch. No sample is repeated to fill up a batch; a process for
which none is left computes one that counts for nothing, since all have to take part in every step.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Sampler, SequentialSampler

from geometric_hyena.training import ranks
from geometric_hyena.training.losses import Loss
from geometric_hyena.training.task import Task, TaskBatch


class Shares(Sampler[list[int]]):
    """Of every batch of `size` samples the part of one process, which may be empty."""

    def __init__(self, sampler: Sampler[int], size: int, rank: int, count: int):
        self.sampler = sampler  # Lightning tells it the epoch
        self.batches = BatchSampler(sampler, size, drop_last=False)
        self.rank, self.count = rank, count

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        return (batch[self.rank :: self.count] for batch in self.batches)


def shared_loader(task: Task, samples: Any, size: int, sampler: Sampler[int] | None = None) -> DataLoader:
    """Batches of `size` samples over all processes; this one gets its part of each.

    Args:
        task: packs the samples.
        samples: its data set.
        size: samples of a step, in all processes together.
        sampler: their order; None: as they lie.
    """
    shares = Shares(sampler or SequentialSampler(samples), size, ranks.rank(), ranks.count())
    return DataLoader(samples, batch_sampler=shares, collate_fn=_Packed(task.named_batch, samples))


class _Packed:
    """Packs samples; in the place of none the first of the data set, marked as idle."""

    def __init__(self, collate: Callable[[Sequence[Any]], TaskBatch], samples: Any):
        self.collate, self.samples = collate, samples

    def __call__(self, samples: Sequence[Any]) -> TaskBatch:
        if samples:
            return self.collate(samples)
        return self.collate([self.samples[0]])._replace(idle=True)


class StepLoss(NamedTuple):
    """Loss of a step over all processes, and the number of its samples."""

    loss: Tensor
    samples: int


def step_loss(loss: Loss, prediction: Tensor, auxiliary: Tensor | None, batch: TaskBatch) -> StepLoss:
    """The loss of a batch over all processes, the same in each; its gradient is this process's term alone.

    Args:
        loss: the task's.
        prediction: what the model says of this process's part.
        auxiliary: what the model adds, taken as a mean over molecules.
        batch: this process's part of the batch.
    """
    own, samples = loss.sums(prediction, batch.target), len(batch.inputs)
    if ranks.count() == 1:
        value = loss.of(own)
        return StepLoss(value if auxiliary is None else value + auxiliary, samples)
    part = 0 if batch.idle else samples
    more = own.new_zeros(()) if auxiliary is None else auxiliary * part
    numbers = torch.cat([own.flatten() * (not batch.idle), more[None], own.new_tensor([part])])
    total = ranks.summed(numbers)
    value = loss.of(total[:-2].view_as(own)) + total[-2] / total[-1]
    return StepLoss(value, int(total[-1].detach()))
