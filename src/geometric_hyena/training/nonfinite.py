"""Losses and gradients that are NaN or infinite end a training before they spoil its weights.

Both are looked at before the optimiser's step: weights, their moving average and the checkpoints of earlier
epochs stay finite. A gradient can be infinite where the loss is not: that of a root at zero, for one.
"""

import math
from collections.abc import Mapping, Sequence

import lightning
import torch
from torch import Tensor

from geometric_hyena.errors import GHyenaError
from geometric_hyena.training.run_directory import RunDirectory

_NAMED = 4  # samples of the batch that are named


def check_finite(
    values: Mapping[str, Tensor], module: lightning.LightningModule, number: int, names: Sequence[str]
) -> None:
    """Raise GHyenaError where a loss, or the norm of a gradient, is not finite.

    Args:
        values: numbers by what they are; looked at together, because a GPU has to be waited for.
        module: what is trained, in a run directory.
        number: of the batch in its epoch, from 0.
        names: of the samples in the batch, where they have some.
    """
    numbers = torch.stack([value.detach().float() for value in values.values()]).tolist()
    wrong = [(what, n) for what, n in zip(values, numbers, strict=True) if not math.isfinite(n)]
    if not wrong:
        return
    what, value = wrong[0]
    batch = f"batch {number + 1}"
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        batch += f" ({', '.join(names[:_NAMED])}{more})"
    trainer = module.trainer
    last = RunDirectory(trainer.default_root_dir).last
    step = trainer.global_step  # steps that were made
    place = f"after step {step}" if trainer.validating else f"at step {step + 1}"
    kept = f"{last} keeps the epoch before" if last.is_file() else "no epoch had ended"
    raise GHyenaError(
        f"{what} became {value} {place}: epoch {trainer.current_epoch + 1} of {trainer.max_epochs}, "
        f"{batch}; {kept}; train anew with a lower optimizer.learning_rate or optimizer.clip"
    )


def clipped_norm(parameters: Sequence[Tensor], clip: float | None) -> Tensor:
    """The norm of all gradients, which are scaled to `clip` where they are larger."""
    if clip:
        return torch.nn.utils.clip_grad_norm_(parameters, clip)
    return torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
