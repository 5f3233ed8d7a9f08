"""The report of a `protein-md` run, from its evaluation and what stands in its run directory."""

from typing import TYPE_CHECKING

import numpy as np

from geometric_hyena.evaluation.metrics import atom_squared_errors
from geometric_hyena.report.run_report import Atoms, PredictedFrame, write_run_report
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.run_reports import report_of

if TYPE_CHECKING:
    from geometric_hyena.training.protein_md import ProteinMDEvaluation

_FRAMES = 6  # shown in the 3D view, evenly spaced over the test split


def write_protein_md_report(run: RunDirectory, evaluation: "ProteinMDEvaluation") -> None:
    """Write the run's report.html."""
    frames, predicted, task = evaluation.frames, evaluation.predicted, evaluation.task
    count = len(predicted)
    shown = np.unique(np.linspace(0, count - 1, min(_FRAMES, count)).round().astype(int))
    atoms = task.atoms
    write_run_report(
        run.report,
        report_of(
            run,
            evaluation,
            task.test.trajectory.source,
            data=task.identity,
            atoms=Atoms(atoms.resids, atoms.resnames, atoms.segids, atoms.names),
            samples=[
                PredictedFrame(
                    task.test.frames[i],
                    frames.positions[i].numpy(),
                    predicted[i].numpy(),
                    frames.displacements[i].numpy(),
                )
                for i in shown
            ],
            model_error=atom_squared_errors(predicted, frames.displacements).numpy(),
            no_motion_error=frames.displacements.double().square().mean(dim=(0, 2)).numpy(),
            subtitle=f"Displacement of {len(atoms)} atoms, {task.test.lag} frames ahead",
            headline_note=(
                "on a trajectory the model never saw"
                if evaluation.unseen_trajectory
                else "on later frames of the training trajectory"
            ),
        ),
    )
