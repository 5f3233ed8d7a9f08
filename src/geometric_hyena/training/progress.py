"""A progress bar over the whole training, with the losses and the time left."""

import lightning
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import (
    BarColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichProgress,
)


class Progress(Callback):
    """A bar on a terminal; elsewhere (a log file) a line about every tenth of the epochs."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar: RichProgress | None = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not self.console.is_terminal or not trainer.is_global_zero:
            return
        self.bar = RichProgress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}  {task.fields[losses]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self.bar.start()
        self.bar.add_task(
            "training",
            total=trainer.estimated_stepping_batches,
            completed=trainer.global_step,
            epoch=trainer.current_epoch + 1,
            epochs=trainer.max_epochs,
            losses="",
        )

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if self.bar is not None:
            self.bar.update(
                self.bar.task_ids[0], completed=trainer.global_step, epoch=trainer.current_epoch + 1
            )

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        metrics = trainer.callback_metrics
        losses = f"train {metrics['train_loss']:.4g}  validation {metrics['val_loss']:.4g}"
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], losses=losses)
            return
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        if trainer.is_global_zero and (done == total or done % max(1, total // 10) == 0):
            self.console.print(f"epoch {done}/{total}  {losses}", highlight=False)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer, pl_module, exception) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
