"""The training loop: a Lightning module around a predictor and its task."""

import logging
import math
import warnings
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import Sampler

from geometric_hyena.errors import InputError
from geometric_hyena.files import check_zip
from geometric_hyena.training import ranks
from geometric_hyena.training.callbacks import Checkpoints, History
from geometric_hyena.training.checkpoint_io import PlainCheckpointIO
from geometric_hyena.training.config import OptimizerConfig, RunConfig
from geometric_hyena.training.measured_norms import measure_norms
from geometric_hyena.training.nonfinite import check_finite, clipped_norm
from geometric_hyena.training.progress import Progress
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.sharing import shared_loader, step_loss
from geometric_hyena.training.task import Predictor, Task, TaskBatch


class EpochShuffle(Sampler[int]):
    """A random order that depends on seed and epoch alone, so that a resumed run sees what it would have."""

    def __init__(self, samples: Sized, seed: int):
        self.samples, self.seed, self.epoch = samples, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of every epoch; data that are drawn anew each time are told."""
        self.epoch = epoch
        if hasattr(self.samples, "set_epoch"):
            self.samples.set_epoch(epoch)  # pyright: ignore[reportAttributeAccessIssue]

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(torch.randperm(len(self.samples), generator=generator).tolist())


class TrainingModule(lightning.LightningModule):
    """Loss, optimiser, schedule, and the moving average of the weights that is validated and kept."""

    def __init__(self, predictor: Predictor, task: Task, optimizer: OptimizerConfig, seed: int):
        super().__init__()
        self.predictor = predictor
        self.task = task
        self.settings = optimizer
        self.seed = seed
        self.averaged = AveragedModel(predictor, multi_avg_fn=self._average, use_buffers=True)
        self.averaged.requires_grad_(False)

    def on_train_batch_start(self, batch: TaskBatch, number: int) -> None:
        """Anything random inside the model is drawn, from the first step of an epoch on, from a known state.

        Not from the start of the epoch: what Lightning draws there for its loaders differs where it resumes.
        """
        if number == 0:
            # Processes differ, or all would leave out the same units of different samples.
            torch.manual_seed(self.seed * 1_000_003 + self.current_epoch + 500_009 * ranks.rank())

    def training_step(self, batch: TaskBatch, number: int) -> Tensor:
        prediction, auxiliary = self.predictor.with_auxiliary(batch.inputs)
        loss, samples = step_loss(self.task.criterion, prediction, auxiliary, batch)
        self._step = loss.detach(), number, batch.names
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=samples)
        # Lightning takes the mean of the processes' gradients; the gradient of the loss is their sum.
        return loss * ranks.count()

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """As Lightning does it, but that the norm is looked at, and the loss with it."""
        norm = clipped_norm(list(self.predictor.parameters()), gradient_clip_val)
        loss, number, names = self._step
        check_finite({"the loss": loss, "the gradient": norm}, self, number, names)

    def on_train_batch_end(self, outputs: Any, batch: TaskBatch, batch_idx: int) -> None:
        self.averaged.update_parameters(self.predictor)

    def _average(self, averaged: Any, current: Any, updates: Any) -> None:
        """One step of the moving average, faster at first: a short training would keep what it began with."""
        step = self.global_step
        decay = min(self.settings.averaging, (1 + step) / (10 + step))
        get_ema_multi_avg_fn(decay)(averaged, current, updates)

    def on_validation_epoch_start(self) -> None:
        self.validated = torch.zeros((), dtype=torch.float64)
        measure_norms(self.averaged, self.task, self.device)

    def validation_step(self, batch: TaskBatch, number: int) -> None:
        if not batch.idle:
            sums = self.task.criterion.sums(self.averaged(batch.inputs), batch.target)
            check_finite({"the validation loss": sums.sum()}, self, number, batch.names)
            self.validated = self.validated + sums.cpu().double()

    def on_validation_epoch_end(self) -> None:
        """The loss over all samples of all processes: no mean of means."""
        sums = torch.stack(ranks.gathered(self.validated)).sum(dim=0)
        self.log("val_loss", self.task.criterion.of(sums).float())

    def configure_optimizers(self) -> Any:
        settings, steps = self.settings, int(self.trainer.estimated_stepping_batches)
        optimizer = torch.optim.Adam(
            self.predictor.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            # All parameters at once: one after the other takes time that a small batch notices.
            fused=self.device.type in ("cpu", "cuda"),
        )
        warmup = max(1, round(settings.warmup * steps))

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / warmup
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: TaskBatch, device: torch.device, index: int) -> TaskBatch:
        return batch._replace(inputs=batch.inputs.to(device), target=batch.target.to(device))


def fit(run: RunDirectory, task: Task, config: RunConfig, resume: bool) -> dict[str, Any]:
    """Train into a run directory, from scratch or from its last checkpoint.

    Returns:
        {"predictor": with the weights of the best epoch, "best_epoch": int, "best_val_loss": float}.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    predictor = task.predictor(config)
    module = TrainingModule(predictor, task, config.optimizer, config.seed)
    if resume:
        check_checkpoint(run.last, module)
        check_checkpoint(run.best, module)
    checkpoints, many = Checkpoints(run), config.devices * config.nodes > 1
    train = shared_loader(task, task.train, config.batch_size, EpochShuffle(task.train, config.seed))
    validation = shared_loader(task, task.validation, config.batch_size)
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            # Which parameters a loss needs depends on the readout.
            strategy=DDPStrategy(find_unused_parameters=True) if many else "auto",
            use_distributed_sampler=False,
            max_epochs=config.epochs,
            gradient_clip_val=config.optimizer.clip or None,
            callbacks=[History(run), checkpoints, Progress()],
            plugins=[PlainCheckpointIO()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=run.path,
        )
        last = str(run.last) if resume else None
        trainer.fit(module, train, validation, ckpt_path=last, weights_only=True)
    ranks.barrier()  # the first has written it
    best = torch.load(run.best, map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    predictor.load_state_dict(module.averaged.module.state_dict())
    predictor.to(trainer.strategy.root_device)
    return {
        "predictor": predictor,
        "best_epoch": checkpoints.best_epoch,
        "best_val_loss": checkpoints.best_value,
    }


def check_checkpoint(path: Path, module: TrainingModule) -> None:
    """Raise InputError unless a checkpoint can be read and holds weights of this model."""
    try:
        check_zip(path)
        found = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        module.load_state_dict(found)
    except Exception as error:  # unpickling meets anything in a broken file
        reason = "is missing" if isinstance(error, FileNotFoundError) else "is broken or of another model"
        raise InputError(
            f"{path}: {reason}; restore it, or train anew with the run's config.yaml: --config, --out"
        ) from error


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advertisements, and its advice on loaders (ours are in memory), off the screen."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for harmless in (
            ".*does not have many workers.*",
            ".*GPU available but not used.*",
            ".*sync_dist=True.*",  # what is logged is the same in all processes
            ".*find_unused_parameters=True was specified.*",
            ".*isinstance\\(treespec, LeafSpec\\).*",
        ):
            warnings.filterwarnings("ignore", message=harmless)
        try:
            yield
        finally:
            logger.setLevel(level)
