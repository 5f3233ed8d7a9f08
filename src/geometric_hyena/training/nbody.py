"""The recipe `nbody`: where charged particles are some steps ahead."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from geometric_hyena.data.nbody import (
    EDGE_FEATURES,
    NODE_FEATURES,
    TIME_STEP,
    Augmented,
    NBodyConfig,
    NBodyDataset,
    NBodySample,
    Shuffled,
    load_nbody,
)
from geometric_hyena.evaluation.metrics import vector_metrics
from geometric_hyena.evaluation.trivial_motion import Frames, motion_predictions
from geometric_hyena.geometry.graph import collate
from geometric_hyena.models.readouts import VectorReadout
from geometric_hyena.models.registry import build_model
from geometric_hyena.report.run_report import PredictedFrame, write_run_report
from geometric_hyena.training.config import NetworkConfig, OptimizerConfig, RunConfig, check_dropout
from geometric_hyena.training.losses import MeanSquaredError
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.run_reports import report_of
from geometric_hyena.training.task import Evaluation, Metrics, Predictor, Task, TaskBatch, predict_all

_BATCH = 100  # trajectories predicted at once


@dataclass(frozen=True)
class NBodyRun(RunConfig):
    """Train on simulated trajectories of charged particles.

    Attributes:
        dropout: part of the scalars left out in training, before blocks.
        data: what is simulated, and what is predicted from what.
    """

    aliases = ("protocol", "particles")

    epochs: int = 100
    batch_size: int = 100
    # Every particle is every other's neighbour: global tokens would bring it nothing that is not there.
    network: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(
            hidden_dim=64, blocks=4, distance_bumps=16, distances="moved", global_messages=False
        )
    )
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(learning_rate=3e-3, weight_decay=0.0, averaging=0.998)
    )
    dropout: float = 0.1
    data: NBodyConfig = field(default_factory=NBodyConfig)


class NBodyTask(Task):
    """One displacement per particle; loss and metric are its mean squared error over x, y, z."""

    needs = "vectors"
    criterion = MeanSquaredError()

    def __init__(self, config: NBodyRun):
        check_dropout(config.dropout)
        data = load_nbody(config.data)
        self.train = Augmented(data.train) if config.data.augment else data.train
        self._train_as_test, self.validation, self.test = data.train_as_test, data.validation, data.test
        self.identity = data.identity

    def predictor(self, config: NBodyRun) -> Predictor:
        options = {
            **asdict(config.network),
            "radius": config.data.scale,
            "edge_dim": EDGE_FEATURES,
            "dropout": config.dropout,
        }
        model = build_model(config.model, NODE_FEATURES, 1, options)
        return Predictor(model, VectorReadout(config.network.vector_channels))

    def collate(self, samples: Sequence[NBodySample]) -> TaskBatch:
        graphs = collate([sample.graph for sample in samples])
        return TaskBatch(graphs, torch.cat([sample.target for sample in samples]))

    def evaluate(self, predictor: Predictor) -> "NBodyEvaluation":
        train = Frames(*self._train_as_test.states())
        metrics, predicted = {}, torch.empty(0)
        for name, samples in (("validation", self.validation), ("test", self.test)):
            frames = Frames(*samples.states())
            relative = predict_all(predictor, self.collate, samples, _BATCH).view_as(frames.positions)
            predicted = samples.displacements(relative)
            said = {"model": predicted, **self._trivial(train, frames)}
            metrics[name] = {who: vector_metrics(x, frames.displacements) for who, x in said.items()}
        shuffled = {"model": self._shuffled_metrics(predictor, self.test)}
        metrics = {"test": metrics["test"], "validation": metrics["validation"], "test_shuffled": shuffled}
        return NBodyEvaluation(self, metrics, Frames(*self.test.states()), predicted)

    def _trivial(self, train: Frames, frames: Frames) -> dict[str, Tensor]:
        said = motion_predictions(train, frames)
        said["mean"] = said.pop("mean_displacement")
        said["constant_velocity"] = self.identity["lag"] * TIME_STEP * frames.velocities
        return said

    def _shuffled_metrics(self, predictor: Predictor, samples: NBodyDataset) -> dict[str, float]:
        """Metrics of the model where the particles of every trajectory stand in another order."""
        shuffled = Shuffled(samples)
        targets = torch.cat([shuffled[i].target for i in range(len(shuffled))])
        return vector_metrics(predict_all(predictor, self.collate, shuffled, _BATCH), targets)


class NBodyEvaluation(Evaluation):
    """Metrics of both splits and of the test in another order; test states and predictions (S, n, 3)."""

    reference = "linear_motion"

    def __init__(self, task: NBodyTask, metrics: dict[str, Metrics], frames: Frames, predicted: Tensor):
        self.task, self.metrics = task, metrics
        self.frames, self.predicted = frames, predicted

    def headline(self) -> str:
        test = self.metrics["test"]
        model, linear = test["model"]["mse"], test["linear_motion"]["mse"]
        error = self._standard_error()
        return (
            f"test MSE {model:.5f} ± {error:.5f}, {model / linear:.3f} ± {error / linear:.3f} of linear "
            f"motion ({linear:.4f}); {self._shuffled():.5f} with the particles in another order"
        )

    def _standard_error(self) -> float:
        """Of the mean over the test's trajectories: few of them, with close encounters, make most of it."""
        squared = (self.predicted - self.frames.displacements).double().square().mean(dim=(1, 2))
        return (squared.std() / len(squared) ** 0.5).item() if len(squared) > 1 else float("nan")

    def _shuffled(self) -> float:
        return self.metrics["test_shuffled"]["model"]["mse"]

    def write_report(self, run: RunDirectory) -> None:
        data = self.task.identity
        positions, predicted, measured = (
            x.flatten(0, 1).numpy()
            for x in (self.frames.positions, self.predicted, self.frames.displacements)
        )
        write_run_report(
            run.report,
            report_of(
                run,
                self,
                f"protocol {data['protocol']}",
                data=data,
                samples=[PredictedFrame(0, positions, predicted, measured)],
                shown=f"the displacements of all particles in {len(self.predicted):,} test trajectories",
                subtitle=f"Displacement of {data['particles']} charged particles, {data['lag']} steps ahead",
                headline_note="on trajectories the model never saw",
                metric_note=(
                    f"The order of the particles is arbitrary. In another one the model's test MSE is "
                    f"{self._shuffled():.4g}."
                ),
                unit="",
            ),
        )
