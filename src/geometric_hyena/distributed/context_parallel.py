"""Models on sharded tokens: `model = context_parallel(model)`, and the rest of the script stays."""

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.func import functional_call

from geometric_hyena.distributed.collectives import shared_parameters
from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.distributed.sharding import TokenSharding
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import GeometricBatch
from geometric_hyena.models import readouts
from geometric_hyena.models.geometric_hyena import GeometricHyena
from geometric_hyena.models.se3_hyena import SE3Hyena
from geometric_hyena.models.sequence_norm import SequenceNorm

SUPPORTED: tuple[type[nn.Module], ...] = (
    GeometricHyena,
    SE3Hyena,
    readouts.VectorReadout,
    readouts.PooledVectorReadout,
    readouts.MoleculeReadout,
    SequenceNorm,  # of what was pooled, which all ranks know alike
)


class ContextParallel(nn.Module):
    """What `context_parallel` returns; the model itself is `module`."""

    def __init__(self, module: nn.Module, ranks: Ranks):
        super().__init__()
        self.module = module
        self.ranks = ranks

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """The model's answer for this rank's tokens.

        Raises:
            InputError: for a batch that is not sharded, or over other ranks.
        """
        for batch in (*arguments, *named.values()):
            if isinstance(batch, GeometricBatch):
                self._check(batch)
        if not torch.is_grad_enabled():
            return self.module(*arguments, **named)
        trained = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        shared = shared_parameters(list(trained.values()), self.ranks)
        return functional_call(self.module, dict(zip(trained, shared, strict=True)), arguments, named)

    def _check(self, batch: GeometricBatch) -> None:
        sharding = batch.sharding
        if not isinstance(sharding, TokenSharding):
            raise InputError("batch: expected a sharded one; give the model shard_batch(batch, group)")
        if sharding.ranks.group is not self.ranks.group:
            raise InputError("batch: it is sharded over another group than the model's")


def context_parallel(module: nn.Module, group: dist.ProcessGroup | None = None) -> ContextParallel:
    """A model whose sequences are sharded over the ranks of a group.

    All ranks call it together, and then the model, forward and backward. The weights of the group's rank 0
    are sent to all. In the backward pass the parameters' gradients are summed over the ranks, in one message.
    So every rank differentiates its part of the loss: with losses of single tokens, their sum over its own,
    divided by `batch.sharding.tokens`. What all ranks know alike, such as the loss of a pooled readout, each
    divides by the number of ranks.

    Args:
        module: GeometricHyena, SE3Hyena, a readout of tokens or molecules, or a module of the user's own that
            holds some of these and else works token by token.
        group: of `torch.distributed`; None for all processes.

    Raises:
        InputError: without a process group, or for a model that does not work on sharded tokens.
    """
    _check_supported(module)
    ranks = Ranks(group)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            ranks.broadcast(tensor.data, "sending of the weights")
    return ContextParallel(module, ranks)


def _check_supported(module: nn.Module) -> None:
    names = ", ".join(kind.__name__ for kind in SUPPORTED)
    for part in module.modules():
        ours = type(part).__module__.startswith("geometric_hyena.models.")
        if ours and type(part) not in SUPPORTED:
            raise InputError(
                f"context_parallel: {type(part).__name__} does not work on sharded tokens; these do: {names}"
            )
        if isinstance(part, GeometricHyena) and not part.takes_shards:
            raise InputError(
                "context_parallel: blocks of this GeometricHyena do not work on sharded tokens; its own do"
            )
