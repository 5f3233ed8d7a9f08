"""What the RNA recipes train for, and how they judge it beside the opponents without geometry."""

from collections.abc import Sequence

import numpy as np
import torch

from geometric_hyena.data.rna.dataset import RnaSample, RnaSamples, load_rna
from geometric_hyena.data.rna.jitter import Jittered
from geometric_hyena.evaluation.metrics import regression_metrics
from geometric_hyena.evaluation.rna_baselines import molecule_baselines, nucleotide_baselines, stacked_targets
from geometric_hyena.geometry.graph import collate
from geometric_hyena.training import ranks
from geometric_hyena.training.losses import MeanColumnRMSE
from geometric_hyena.training.rna.config import RnaRunConfig, check_rna_run, with_targets
from geometric_hyena.training.rna.model import rna_predictor
from geometric_hyena.training.rna.report import write_rna_report
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.sequence_baseline import gru_predictions
from geometric_hyena.training.task import Evaluation, Metrics, Predictor, Task, TaskBatch, predict_all

# Opponents that are trained; the others are tables.
TRAINED = ("gru", "kmer_svr")


class RnaTask(Task):
    """T numbers per nucleotide or molecule; the loss is the mean over them of root mean squared errors."""

    criterion = MeanColumnRMSE()

    def __init__(self, config: RnaRunConfig):
        check_rna_run(config)
        self.data: RnaSamples = load_rna(config.data)
        self.train = Jittered(self.data.train, config.jitter, config.seed)
        self.validation, self.test = self.data.validation, self.data.test
        self.identity = self.data.identity
        self.with_trained = config.opponents == "all"
        self.seed = config.seed

    def resolved(self, config: RnaRunConfig) -> RnaRunConfig:
        return with_targets(config, self.data.target_names, self.data.level)

    def largest(self) -> int:
        samples = (*self.data.train, *self.validation, *self.test)
        return max(len(sample.graph) for sample in samples)

    def predictor(self, config: RnaRunConfig) -> Predictor:
        predictor, readout = rna_predictor(config, len(self.data.target_names), self.data.level)
        targets = torch.cat([sample.target for sample in self.data.train]).double()
        mean = targets.nanmean(dim=0)
        deviation = (targets - mean).square().nanmean(dim=0).sqrt()
        rows = len(targets) if self.data.level == "nucleotide" else len(self.train)
        tokens = sum(len(sample.graph) for sample in self.data.train) / rows
        readout.set_scale(tokens, mean, torch.where(deviation > 0, deviation, 1.0))
        return predictor

    def collate(self, samples: Sequence[RnaSample]) -> TaskBatch:
        graphs = collate([sample.graph for sample in samples])
        return TaskBatch(graphs, torch.cat([sample.target for sample in samples]))

    def undisturbed(self) -> list[RnaSample]:
        return self.data.train

    def name_of(self, sample: RnaSample) -> str:
        return sample.record.id

    def evaluate(self, predictor: Predictor) -> "RnaEvaluation":
        asked = {"test": self.test, "validation": self.validation}
        predicted: dict[str, dict[str, np.ndarray]] = {
            name: {"model": predict_all(predictor, self.collate, samples).numpy()}  # pyright: ignore[reportArgumentType]
            for name, samples in asked.items()
        }
        # Of processes that train together one is enough to train opponents, too.
        everyone = [sample for samples in asked.values() for sample in samples]
        opponents = self._opponents(everyone) if ranks.is_first() else {}
        first = len(predicted["test"]["model"])
        for who, said in opponents.items():
            predicted["test"][who], predicted["validation"][who] = said[:first], said[first:]
        metrics = {}
        for name, samples in asked.items():
            measured = stacked_targets([sample.record for sample in samples])
            metrics[name] = {who: regression_metrics(said, measured) for who, said in predicted[name].items()}
        return RnaEvaluation(self, metrics, predicted["test"])

    def _opponents(self, samples: Sequence[RnaSample]) -> dict[str, np.ndarray]:
        """What every opponent says of these molecules, end to end."""
        train, asked = ([sample.record for sample in part] for part in (self.data.train, samples))
        level = self.data.level
        if level == "nucleotide":
            said = nucleotide_baselines(train, asked)
        else:
            said = molecule_baselines(train, asked, regression=self.with_trained)
        if self.with_trained:
            said["gru"] = gru_predictions(train, asked, level, self.seed)
        return said


class RnaEvaluation(Evaluation):
    """Metrics of both splits; what the model and its opponents say of the test molecules, (rows, T) each."""

    reference = "constant"

    def __init__(self, task: RnaTask, metrics: dict[str, Metrics], predicted: dict[str, np.ndarray]):
        self.task, self.metrics, self.predicted = task, metrics, predicted

    def headline(self) -> str:
        test = self.metrics["test"]
        others = {name: row["rmse"] for name, row in test.items() if name != "model"}
        best = min(others, key=lambda name: others[name])
        named = dict.fromkeys((best, "constant"))
        against = " and ".join(f"{others[name]:.4f} of {name}" for name in named)
        told = f"test RMSE {test['model']['rmse']:.4f}, against {against}"
        return told if self.task.with_trained else f"{told}; {' and '.join(self.left_out())} not trained"

    def left_out(self) -> list[str]:
        """The opponents that were not trained."""
        possible = TRAINED if self.task.data.level == "molecule" else TRAINED[:1]
        return [name for name in possible if name not in self.predicted]

    def write_report(self, run: RunDirectory) -> None:
        write_rna_report(run, self)
