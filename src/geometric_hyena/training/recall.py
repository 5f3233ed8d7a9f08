"""The recipe `recall`: geometric associative recall."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from geometric_hyena.data.associative_recall import (
    POSITIONAL_FEATURES,
    AssociativeRecallConfig,
    RecallSample,
    load_associative_recall,
)
from geometric_hyena.evaluation.metrics import vector_metrics
from geometric_hyena.geometry.graph import collate
from geometric_hyena.models.readouts import PooledVectorReadout
from geometric_hyena.models.registry import build_model, output_scalars
from geometric_hyena.report.run_report import PredictedFrame, write_run_report
from geometric_hyena.training.config import NetworkConfig, OptimizerConfig, RunConfig
from geometric_hyena.training.losses import MeanSquaredError
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.run_reports import report_of
from geometric_hyena.training.task import Evaluation, Metrics, Predictor, Task, TaskBatch, predict_all


@dataclass(frozen=True)
class RecallRun(RunConfig):
    """Train to retrieve vectors from sequences of vectors.

    Attributes:
        data: the sequences.
    """

    aliases = ("length", "vocabulary", "variant")

    epochs: int = 40
    batch_size: int = 32
    network: NetworkConfig = field(default_factory=lambda: NetworkConfig(hidden_dim=80))
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(learning_rate=1e-3))
    data: AssociativeRecallConfig = field(default_factory=AssociativeRecallConfig)


class RecallTask(Task):
    """One vector per sequence; loss and metric are its mean squared error over x, y, z."""

    needs = "vectors"
    criterion = MeanSquaredError()

    def __init__(self, config: RecallRun):
        data = load_associative_recall(config.data)
        self.train, self.validation, self.test = data.train, data.validation, data.test
        self.identity = data.identity

    def predictor(self, config: RecallRun) -> Predictor:
        # Lengths of vectors go up to the vocabulary: that is the unit in which the model sees them.
        options = {**asdict(config.network), "radius": float(config.data.vocabulary)}
        model = build_model(config.model, POSITIONAL_FEATURES, 1, options)
        network = config.network
        scalars = output_scalars(config.model, network.hidden_dim)
        return Predictor(model, PooledVectorReadout(scalars, network.vector_channels))

    def collate(self, samples: Sequence[RecallSample]) -> TaskBatch:
        graphs = collate([sample.graph for sample in samples])
        return TaskBatch(graphs, torch.stack([sample.target for sample in samples]))

    def evaluate(self, predictor: Predictor) -> "RecallEvaluation":
        self.train.set_epoch(0)
        mean = self.train.targets().mean(dim=0)
        metrics, predicted = {}, {}
        for name, samples in (("test", self.test), ("validation", self.validation)):
            targets = samples.targets()
            predicted[name] = predict_all(predictor, self.collate, samples, batch_size=32)
            said = {"model": predicted[name], "mean": mean.expand_as(targets)}
            metrics[name] = {who: vector_metrics(x, targets) for who, x in said.items()}
        return RecallEvaluation(self, metrics, predicted["test"])


class RecallEvaluation(Evaluation):
    """Metrics of both splits, and the vectors (M, 3) retrieved from the test sequences."""

    reference = "mean"

    def __init__(self, task: RecallTask, metrics: dict[str, Metrics], predicted: Tensor):
        self.task, self.metrics, self.predicted = task, metrics, predicted

    def headline(self) -> str:
        test = self.metrics["test"]
        model, mean = test["model"]["mse"], test["mean"]["mse"]
        return f"test MSE {model:.4f}, {model / mean:.4f} of the mean predictor ({mean:.4f})"

    def write_report(self, run: RunDirectory) -> None:
        data = self.task.test.config
        measured = self.task.test.targets().numpy()
        write_run_report(
            run.report,
            report_of(
                run,
                self,
                f"{data.variant} vocabulary of {data.vocabulary}",
                data=self.task.identity,
                samples=[PredictedFrame(0, measured, self.predicted.numpy(), measured)],
                shown=f"the vectors asked for in {len(measured):,} test sequences",
                subtitle=f"The vector that followed the last one, in sequences of {data.length} vectors",
                headline_note="on sequences the model never saw",
                quantity="vector",
                unit="",
            ),
        )
