"""What the report of a run is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from geometric_hyena.errors import InputError
from geometric_hyena.report.atoms import Atoms
from geometric_hyena.report.superposition import superposing_rotation

Metrics = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class PredictedFrame:
    """A test frame: `positions`, `predicted` and `measured` displacements, each (N, 3) in angstrom."""

    frame: int
    positions: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray

    def turned_onto(self, other: "PredictedFrame") -> "PredictedFrame":
        """The same frame centred and rotated to lie best on `other`."""
        rotation = superposing_rotation(self.positions, other.positions)
        centred = self.positions - self.positions.mean(axis=0)
        # An infinity would turn into a NaN anyway, but with a warning.
        predicted, measured = (
            np.where(np.isfinite(vectors), vectors, np.nan).astype(float) @ rotation.T
            for vectors in (self.predicted, self.measured)
        )
        return PredictedFrame(self.frame, centred @ rotation.T, predicted, measured)


@dataclass(frozen=True)
class RunReport:
    """Everything that the report of a run says.

    Attributes:
        title: name of the run.
        command: the command that repeats it.
        history: rows of metrics.jsonl.
        summary: {"test": {"model": {"mse": ..., "mae": ...}, "no_motion": {...}, ...}, "validation": ...}.
        config: resolved configuration, nested.
        environment: versions, device, "commit", ...
        data: identity of the data: files, checksums, split, ...
        atoms: identity of the N atoms, or None.
        samples: frames of the test split, all of the same N atoms.
        model_error: (N,) mean squared error of each atom over the whole test split, or None.
        no_motion_error: (N,) the same for predicting no motion, or None.
        subtitle: what was predicted, in a line.
        headline_note: ends the headline; only the caller knows what the model has seen.
        metric_note: how the metrics are defined, shown under the table.
        unit: of positions and displacements; empty where they have none.
        reference: the trivial baseline that ratios are taken to.
        quantity: what is predicted, in a word.
        shown: what `samples` are, where they are no frames of atoms.
        loss_is_mse: whether the losses in `history` compare with the MSE of trivial baselines.
        metric: the error by which the model is judged.
    """

    title: str
    command: str
    history: Sequence[Mapping[str, float]]
    summary: Mapping[str, Metrics]
    config: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    atoms: Atoms | None = None
    samples: Sequence[PredictedFrame] = ()
    model_error: np.ndarray | None = None
    no_motion_error: np.ndarray | None = None
    subtitle: str = ""
    headline_note: str = ""
    metric_note: str = ""
    unit: str = "Å"
    reference: str = "no_motion"
    quantity: str = "displacement"
    shown: str = ""
    loss_is_mse: bool = True
    metric: str = "mse"

    def __post_init__(self) -> None:
        if "test" not in self.summary:
            raise InputError(f"RunReport: summary has no 'test' entry, only {sorted(self.summary)}")
        if not self.atoms:
            return
        count = len(self.atoms)
        for name in ("model_error", "no_motion_error"):
            array = getattr(self, name)
            if array is not None and np.shape(array) != (count,):
                raise InputError(f"RunReport: {name} has shape {np.shape(array)}, expected ({count},)")
        for sample in self.samples:
            for name in ("positions", "predicted", "measured"):
                shape = np.shape(getattr(sample, name))
                if shape != (count, 3):
                    raise InputError(
                        f"RunReport: {name} of frame {sample.frame} has shape {shape}, expected ({count}, 3)"
                    )
