"""The recipe `protein-md`: where the atoms of a protein move, some frames ahead."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Subset

from geometric_hyena.data.protein_md import (
    FrameDataset,
    ProteinMDConfig,
    Sample,
    frames_for_prediction,
    load_protein_md,
)
from geometric_hyena.data.protein_md.prediction_files import write_structures, write_table
from geometric_hyena.evaluation.metrics import vector_metrics
from geometric_hyena.evaluation.trivial_motion import Frames, trivial_predictions
from geometric_hyena.files import make_folder
from geometric_hyena.geometry.graph import collate
from geometric_hyena.models.readouts import VectorReadout
from geometric_hyena.models.registry import build_model
from geometric_hyena.training.config import RunConfig
from geometric_hyena.training.losses import MeanSquaredError
from geometric_hyena.training.protein_md_report import write_protein_md_report
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.task import Evaluation, Metrics, Predictor, Task, TaskBatch, predict_all


@dataclass(frozen=True)
class ProteinMDRun(RunConfig):
    """Train on frames of molecular dynamics trajectories.

    Attributes:
        data: what is read, selected, predicted and split.
    """

    data: ProteinMDConfig = field(default_factory=ProteinMDConfig)


class ProteinMDTask(Task):
    """One displacement vector per atom; loss and metric are its mean squared error in angstrom^2."""

    needs = "vectors"
    criterion = MeanSquaredError()

    def __init__(self, config: ProteinMDRun):
        data = load_protein_md(config.data)
        self.train, self.validation, self.test = data.train, data.validation, data.test
        self.atoms, self.identity = data.atoms, data.identity

    def predictor(self, config: ProteinMDRun) -> Predictor:
        return protein_md_predictor(config, self.train)

    def collate(self, samples: Sequence[Sample]) -> TaskBatch:
        return pack_samples(samples)

    def name_of(self, sample: Sample) -> str:
        return f"frame {sample.frame} of trajectory {sample.trajectory}"

    def evaluate(self, predictor: Predictor) -> "ProteinMDEvaluation":
        train, validation, test = (all_frames(s) for s in (self.train, self.validation, self.test))
        metrics, predicted = {}, {}
        for name, samples, frames in (
            ("test", self.test, test),
            ("validation", self.validation, validation),
        ):
            predicted[name] = predict_all(predictor, self.collate, samples).view_as(frames.displacements)
            said = {"model": predicted[name], **trivial_predictions(train, frames)}
            metrics[name] = {who: vector_metrics(x, frames.displacements) for who, x in said.items()}
        return ProteinMDEvaluation(self, metrics, test, predicted["test"])


class ProteinMDEvaluation(Evaluation):
    """Metrics of both splits; test frames and predictions, (F, N, 3) in angstrom, for the report."""

    def __init__(self, task: ProteinMDTask, metrics: dict[str, Metrics], frames: Frames, predicted: Tensor):
        self.task, self.metrics = task, metrics
        self.frames, self.predicted = frames, predicted

    def headline(self) -> str:
        test = self.metrics["test"]
        model, still = test["model"]["mse"], test["no_motion"]["mse"]
        ratio = f"{model / still:.3f} of" if still else "beside"
        return f"test MSE {model:.4f} angstrom^2, {ratio} no motion ({still:.4f})"

    @property
    def unseen_trajectory(self) -> bool:
        """Whether the test frames come from a trajectory of which the model saw no frame."""
        return self.task.test.number != self.task.train.number

    def write_report(self, run: RunDirectory) -> None:
        write_protein_md_report(run, self)


def predict_protein_md(
    config: ProteinMDRun,
    load: Callable[[Predictor], Predictor],
    files: Sequence[str],
    folder: Path,
    stride: int = 1,
) -> list[Path]:
    """Predict the displacements from every frame of `files` (topology, then trajectories) into `folder`.

    Returns:
        Paths of displacements.csv and of the predicted structures.
    """
    samples, atoms, frames = frames_for_prediction(config.data, files[0], files[1:])
    predictor = load(protein_md_predictor(config, samples))
    chosen = list(range(0, len(frames), stride))
    packed = predict_all(predictor, pack_samples, Subset(samples, chosen))
    displacements = packed.view(len(chosen), len(atoms), 3).numpy()
    frames = [frames[i] for i in chosen]
    positions = samples.trajectory.coordinates[frames]
    make_folder(folder)
    return [
        write_table(folder / "displacements.csv", atoms, frames, positions, displacements),
        write_structures(folder, atoms, positions, displacements),
    ]


def pack_samples(samples: Sequence[Sample]) -> TaskBatch:
    """Pack frames; the target is empty where they have none."""
    targets = [sample.target for sample in samples]
    present = [target for target in targets if target is not None]
    graphs = collate([sample.graph for sample in samples])
    return TaskBatch(graphs, torch.cat(present) if present else graphs.positions.new_empty(0, 3))


def protein_md_predictor(config: ProteinMDRun, samples: FrameDataset) -> Predictor:
    """A fresh model for samples like these, with one vector per atom as its prediction."""
    options = {**asdict(config.network), "radius": config.data.radius}
    model = build_model(config.model, samples.scalar_dim, samples.vector_dim, options)
    return Predictor(model, VectorReadout(config.network.vector_channels))


def all_frames(samples: FrameDataset) -> Frames:
    """Positions, backward differences and displacements of all samples of a split.

    A first frame without velocities has no frame before it; its backward difference counts as zero.
    """
    coordinates = torch.from_numpy(samples.trajectory.coordinates)
    start = torch.tensor(list(samples.frames))
    before = (start - 1).clamp(min=0)
    now = coordinates[start]
    return Frames(now, now - coordinates[before], coordinates[start + (samples.lag or 0)] - now)
