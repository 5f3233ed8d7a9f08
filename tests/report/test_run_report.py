import dataclasses
import re

import numpy as np
import pytest

from geometric_hyena.errors import InputError
from geometric_hyena.report.run_report import Atoms, PredictedFrame, run_page, write_run_report
from geometric_hyena.report.run_sections import curves


def test_the_report_says_everything(report_of, tmp_path):
    text = write_run_report(tmp_path / "report.html", report_of()).read_text(encoding="utf-8")
    for part in (
        "Test MSE 0.147 Å²: 0.75 of no motion (0.195), on a trajectory the model never saw.",
        "<strong>0.147</strong>",
        "12.82",  # linear motion in units of no motion
        "frame 100",
        "frame 101",
        "of 12 residues",
        "ghyena train protein-md --seed 0",
        "3f1c2a9",
        "model.hidden_dim",
        "abc123",
        "<noscript>",
    ):
        assert part in text, part


def test_the_report_needs_nothing_outside_itself(report_of):
    text = run_page(report_of()).html()
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", text)
    assert not re.search(r"url\((?!#)|@import|<link|fetch\(|XMLHttpRequest|import\(", text)
    assert "default-src 'none'" in text


def test_names_cannot_inject_markup(report_of):
    evil = "<script>alert(1)</script>"
    plain = report_of()
    atoms = dataclasses.replace(plain.atoms, resnames=np.full(len(plain.atoms), evil))
    report = report_of(
        title=evil, command=evil, config={evil: evil}, data={evil: [evil]}, atoms=atoms, headline_note=evil
    )
    assert "<script>alert" not in run_page(report).html()


@pytest.mark.parametrize("error", [0.195, 0.4, float("nan")])
def test_a_model_that_did_not_win_is_not_dressed_up(report_of, error):
    summary = {"test": {"model": {"mse": error}, "no_motion": {"mse": 0.195}}}
    page = run_page(report_of(summary=summary))
    assert page.verdict == "bad"
    assert page.headline.startswith(("Not better than", "The model's test MSE is not a finite number"))


def test_a_tiny_run(report_of):
    assert "of 1 residues" in run_page(report_of(residues=1, epochs=1, frames=1)).html()


def test_a_single_atom(report_of):
    atoms = Atoms(np.array([1]), np.array(["GLY"]), np.array(["A"]), np.array(["CA"]))
    frame = PredictedFrame(0, np.zeros((1, 3)), np.zeros((1, 3)), np.zeros((1, 3)))
    one = np.ones(1)
    run_page(report_of(atoms=atoms, samples=[frame], model_error=one, no_motion_error=one)).html()


def test_only_a_summary(report_of):
    report = report_of(
        atoms=None, samples=(), model_error=None, no_motion_error=None, history=[], config={}, data={}
    )
    assert "No history was recorded" in run_page(report).html()


def test_a_diverged_run_is_still_reported(report_of):
    nan = float("nan")
    plain = report_of()
    samples = [
        dataclasses.replace(s, predicted=np.full_like(s.predicted, x))
        for s, x in zip(plain.samples, (nan, np.inf), strict=True)
    ]
    history = [
        {"epoch": 0, "train_loss": 1.0, "val_loss": 1.0},
        {"epoch": 1, "train_loss": nan, "val_loss": nan},
    ]
    report = report_of(samples=samples, history=history, model_error=np.full(len(plain.atoms), nan))
    text = run_page(report).html()
    assert "No prediction is finite" in text
    assert "1 epoch(s) with values that are not finite" in text


def test_superposing_samples_turns_vectors_with_positions():
    rng = np.random.default_rng(0)
    positions, moves = rng.normal(size=(2, 9, 3))
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    first = PredictedFrame(0, positions - positions.mean(0), moves, moves)
    second = PredictedFrame(1, positions @ turn.T + 7, moves @ turn.T, moves @ turn.T).turned_onto(first)
    np.testing.assert_allclose(second.positions, first.positions, atol=1e-12)
    np.testing.assert_allclose(second.measured, moves, atol=1e-12)


def test_losses_of_other_kinds_get_no_baselines(report_of):
    assert "Dashed" in curves(report_of()).html()
    assert "Dashed" not in curves(report_of(loss_is_mse=False)).html()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"summary": {}}, "no 'test' entry"),
        ({"model_error": np.ones(3)}, "model_error has shape"),
        ({"samples": [PredictedFrame(4, *np.zeros((3, 2, 3)))]}, "positions of frame 4"),
    ],
)
def test_bad_records_are_named(report_of, changes, message):
    with pytest.raises(InputError, match=message):
        report_of(**changes)
