"""The ranks of a process group: collectives, what these moved, and one clear error when a rank is lost."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from geometric_hyena.errors import InputError, LostRankError


class Ranks:
    """A `torch.distributed` group (gloo on CPUs, NCCL on GPUs) as the sharded layers use it.

    Attributes:
        rank: this process's number in the group.
        size: P, number of processes.
        sent: bytes that this rank sent to others, by what for. A sum over ranks counts as a ring does it,
            2 (P - 1) / P of its bytes.
    """

    def __init__(self, group: dist.ProcessGroup | None = None):
        if not (dist.is_available() and dist.is_initialized()):
            raise InputError(
                "torch.distributed: no process group is there; start with torchrun and call "
                "torch.distributed.init_process_group first"
            )
        self.group = group
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)
        if self.rank < 0:
            raise InputError("group: this process is not a member of it")
        self.sent: Counter[str] = Counter()

    def all_to_all(self, rows: Tensor, send: Sequence[int], receive: Sequence[int], purpose: str) -> Tensor:
        """Rows (sum of `send`, ...), those for rank 0 first -> (sum of `receive`, ...), rank 0's first."""
        rows = rows.contiguous()
        out = rows.new_empty(sum(receive), *rows.shape[1:])
        self.sent[purpose] += (sum(send) - send[self.rank]) * rows[:1].numel() * rows.element_size()
        with self._together(purpose):
            dist.all_to_all_single(out, rows, list(receive), list(send), group=self.group)
        return out

    def sum(self, x: Tensor, purpose: str) -> Tensor:
        """The sum over ranks, a new tensor, bitwise the same on all of them."""
        x = x.clone(memory_format=torch.contiguous_format)
        self.sent[purpose] += 2 * (self.size - 1) * x.numel() * x.element_size() // self.size
        with self._together(purpose):
            dist.all_reduce(x, group=self.group)
        return x

    def broadcast(self, x: Tensor, purpose: str) -> None:
        """Overwrite `x` by that of the group's rank 0."""
        source = dist.get_global_rank(self.group, 0) if self.group is not None else 0
        with self._together(purpose):
            dist.broadcast(x, src=source, group=self.group)

    @contextmanager
    def _together(self, purpose: str) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise LostRankError(
                f"rank {self.rank} of {self.size}: {purpose} failed because another rank has ended or did "
                f"not answer within the group's timeout; look for the first error among all ranks' logs, "
                f"then start all of them again ({reason})"
            ) from error
