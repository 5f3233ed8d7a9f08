"""Lightning callbacks that keep a run directory up to date after every epoch, and never half-written."""

import math
import shutil
import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from geometric_hyena.files import replacing
from geometric_hyena.training import ranks
from geometric_hyena.training.run_directory import RunDirectory


class History(Callback):
    """One row an epoch in metrics.jsonl."""

    def __init__(self, run: RunDirectory):
        self.run = run
        self.rows: list[dict[str, float]] = []
        self.started = 0.0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Drop rows of an epoch that was cut off."""
        self.rows = [row for row in self.run.read_history() if row["epoch"] < trainer.current_epoch]
        self._write()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        metrics = trainer.callback_metrics
        self.rows.append(
            {
                "epoch": trainer.current_epoch,
                "train_loss": float(metrics["train_loss"]),
                "val_loss": float(metrics["val_loss"]),
                "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
                "seconds": round(time.perf_counter() - self.started, 3),
            }
        )
        self._write()

    def _write(self) -> None:
        if ranks.is_first():
            self.run.write_history(self.rows)


class Checkpoints(Callback):
    """last.ckpt after every epoch, best.ckpt where the validation loss was lowest so far."""

    def __init__(self, run: RunDirectory):
        self.run = run
        self.best_value = math.inf
        self.best_epoch = -1

    def state_dict(self) -> dict[str, Any]:
        return {"best_value": self.best_value, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_value, self.best_epoch = state_dict["best_value"], state_dict["best_epoch"]

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        value = float(trainer.callback_metrics["val_loss"])
        better = value < self.best_value
        if better:
            self.best_value, self.best_epoch = value, trainer.current_epoch
        if not ranks.is_first():
            trainer.save_checkpoint(self.run.last, weights_only=False)  # takes part; the first writes
            return
        with replacing(self.run.last) as partial:
            trainer.save_checkpoint(partial, weights_only=False)  # with the optimiser's state
            # best first: killed in between, the run resumes from the epoch before and writes both again
            if better:
                with replacing(self.run.best) as copy:
                    shutil.copyfile(partial, copy)
