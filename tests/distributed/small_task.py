"""What processes that train together do in a step and in an evaluation, on a few ragged molecules.

Run as a script it is one of several processes: small_task.py RANK COUNT STORE RESULT.
"""

import sys
from types import SimpleNamespace

import torch
import torch.distributed as dist

from geometric_hyena import GeometricGraph, collate
from geometric_hyena.errors import InputError
from geometric_hyena.training import ranks
from geometric_hyena.training.losses import MeanColumnRMSE, MeanSquaredError
from geometric_hyena.training.sharing import shared_loader, step_loss
from geometric_hyena.training.task import TaskBatch, predict_all

LENGTHS = (3, 5, 2, 7, 4, 1, 6, 3, 5)


class Linear(torch.nn.Module):
    """Two targets a token, and something that is added to the loss: a mean over the molecules."""

    check = None

    def __init__(self):
        super().__init__()
        self.map = torch.nn.Linear(4, 2, dtype=torch.float64)

    def forward(self, batch):
        return self.map(batch.scalars)

    def with_auxiliary(self, batch):
        means = torch.stack([part.mean() for part in batch.split(self(batch).square())])
        return self(batch), means.mean()


def samples():
    """Pairs of a graph and targets; one target in four was not measured."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for length in LENGTHS:
        drawn = torch.randn(length, 9, generator=generator, dtype=torch.float64)
        target = torch.where(drawn[:, 7:] > 0.7, torch.nan, drawn[:, 7:])
        found.append((GeometricGraph(drawn[:, :4], drawn[:, 4:7]), target))
    return found


def collated(chosen):
    return TaskBatch(collate([graph for graph, _ in chosen]), torch.cat([target for _, target in chosen]))


def outcome(criterion, size):
    """Losses and gradients of all steps of `size` molecules, and all predictions."""
    torch.manual_seed(1)
    task, model, found = SimpleNamespace(named_batch=collated), Linear(), []
    if isinstance(criterion, MeanSquaredError):
        task.named_batch = lambda chosen: collated(chosen)._replace(
            target=collated(chosen).target.nan_to_num()
        )
    for batch in shared_loader(task, samples(), size):
        model.zero_grad()
        prediction, auxiliary = model.with_auxiliary(batch.inputs)
        loss, count = step_loss(criterion, prediction, auxiliary, batch)
        loss.backward()
        gradients = [p.grad.clone() for p in model.parameters()]
        if ranks.count() > 1:
            for gradient in gradients:
                dist.all_reduce(gradient)
        found.append((loss.detach(), count, gradients))
    return found, predict_all(model, collated, samples(), batch_size=2)


CASES = {"mcrmse": (MeanColumnRMSE(), 4), "mse": (MeanSquaredError(), 4), "one a step": (MeanColumnRMSE(), 1)}


def failure(where, error):
    """What a process sees where one of them cannot prepare its data."""

    def prepare():
        if ranks.rank() == where:
            raise error
        return "prepared"

    try:
        return ranks.first_then_others(prepare)
    except Exception as seen:
        return f"{type(seen).__name__}: {seen}"


def main(rank, count, store, result):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=int(rank), world_size=int(count))
    found = {name: outcome(*case) for name, case in CASES.items()}
    found["failures"] = [failure(where, InputError("no such file")) for where in (0, 1)]
    found["from first"] = ranks.from_first(lambda: f"told by {ranks.rank()}")
    torch.save(found, result)
    ranks.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
