"""A small made-up run: two chains, four atoms a residue, a model that halves the error of no motion."""

import numpy as np
import pytest

from geometric_hyena.report.run_report import Atoms, PredictedFrame, RunReport


def make_report(residues=12, epochs=5, frames=2, seed=0, **changes) -> RunReport:
    rng = np.random.default_rng(seed)
    count = 4 * residues
    alpha_carbons = np.cumsum(rng.normal(loc=(3.0, 0, 0), size=(residues, 3)), axis=0)
    positions = np.repeat(alpha_carbons, 4, axis=0) + rng.normal(size=(count, 3)) * 0.5
    samples = []
    for frame in range(frames):
        measured = rng.normal(size=(count, 3))
        samples.append(PredictedFrame(100 + frame, positions + 0.1 * frame, 0.5 * measured, measured))
    resids = np.repeat(np.arange(1, residues + 1), 4)
    fields = {
        "title": "A run",
        "command": "ghyena train protein-md --seed 0",
        "history": [
            {"epoch": e, "train_loss": 1 / (e + 1), "val_loss": 1.1 / (e + 1), "learning_rate": 1e-3}
            for e in range(epochs)
        ],
        "summary": {
            "test": {
                "model": {"mse": 0.147, "mae": 0.29},
                "no_motion": {"mse": 0.195, "mae": 0.33},
                "linear_motion": {"mse": 2.5, "mae": 1.1},
            },
            "validation": {"model": {"mse": 0.15}, "no_motion": {"mse": 0.2}},
        },
        "config": {"model": {"blocks": 6, "hidden_dim": 64}},
        "environment": {"commit": "3f1c2a9", "torch": "2.9"},
        "data": {"sha256": "abc123"},
        "atoms": Atoms(
            resids,
            np.full(count, "ALA"),
            np.where(resids <= (residues + 1) // 2, "A", "B"),
            np.tile(["N", "CA", "C", "O"], residues),
        ),
        "samples": samples,
        "model_error": rng.uniform(0.1, 0.2, count),
        "no_motion_error": rng.uniform(0.15, 0.3, count),
        "headline_note": "on a trajectory the model never saw",
    }
    return RunReport(**(fields | changes))


@pytest.fixture
def report_of():
    return make_report
