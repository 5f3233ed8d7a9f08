"""The recipes whose data are generated: small trainings, what they leave behind, resuming, bad input."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from geometric_hyena.data.nbody import NBodyConfig
from geometric_hyena.evaluation.trivial_motion import Frames
from geometric_hyena.training.config_parser import ConfigParser
from geometric_hyena.training.loop import EpochShuffle
from geometric_hyena.training.nbody import NBodyEvaluation, NBodyRun, NBodyTask
from geometric_hyena.training.recall import RecallRun, RecallTask
from training.small_runs import NETWORK, check_interruption_changes_nothing, ghyena

COMMON = ("--threads", "1", "--accelerator", "cpu", *NETWORK)
DATA = {
    "recall": ("--data.train", "64", "--data.validation", "20", "--data.test", "20", "--length", "8"),
    "nbody": ("--data.train", "40", "--data.validation", "10", "--data.test", "10", "--data.start", "0"),
}
TRIVIAL = {
    "recall": {"mean"},
    "nbody": {"mean", "no_motion", "linear_motion", "constant_velocity"},
}
SPLITS = {"recall": {"test", "validation"}, "nbody": {"test", "validation", "test_shuffled"}}
RECIPES = ["recall", "nbody"]


@pytest.fixture(scope="module", autouse=True)
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GHYENA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def words(recipe, out, *more, epochs=2):
    given = ["train", recipe, "--out", str(out), "--epochs", str(epochs), *COMMON, *DATA[recipe]]
    return [*given, "--data.lag", "100", *more] if recipe == "nbody" else [*given, *more]


@pytest.fixture(scope="module", params=RECIPES)
def trained(request, tmp_path_factory):
    """(recipe, a finished run of it); read only."""
    run = tmp_path_factory.mktemp(request.param) / "run"
    assert ghyena(*words(request.param, run)) == 0
    return request.param, run


def summary_of(run):
    return json.loads((run / "summary.json").read_text())


def test_summary_has_the_model_beside_every_trivial_baseline(trained):
    recipe, run = trained
    summary = summary_of(run)
    for split in ("test", "validation"):
        assert set(summary[split]) == TRIVIAL[recipe] | {"model"}
    for split in SPLITS[recipe]:
        for metrics in summary[split].values():
            assert all(math.isfinite(x) and x > 0 for x in metrics.values())
    assert summary["epochs"] == 2


def test_the_report_says_how_it_went_without_units(trained):
    recipe, run = trained
    text = (run / "report.html").read_text()
    assert "geometric-hyena" in text
    assert "Å" not in text
    assert "()" not in text.partition("<script")[0]
    assert {"recall": "ratio to mean", "nbody": "ratio to linear motion"}[recipe] in text


def test_evaluation_repeats_the_metrics_of_training(trained, tmp_path, capsys):
    recipe, run = trained
    assert ghyena("evaluate", run, "--out", tmp_path / "metrics.json") == 0
    found, summary = json.loads((tmp_path / "metrics.json").read_text()), summary_of(run)
    for split in SPLITS[recipe]:
        for who in summary[split]:
            assert found[split][who] == pytest.approx(summary[split][who], rel=1e-5)
    assert "/ mean" in capsys.readouterr().out or recipe == "nbody"


def test_there_are_no_files_to_predict_for(trained, capsys):
    recipe, run = trained
    assert ghyena("predict", run, "a.pdb") == 2
    assert f"the recipe {recipe} makes its data itself" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_interrupted_run_ends_with_the_same_weights(recipe, tmp_path, monkeypatch):
    """New sequences (start frames) in every epoch are those that it would have had."""
    more = ("--protocol", "fuchs", "--data.start", "-1", "--data.steps", "500") if recipe == "nbody" else ()
    check_interruption_changes_nothing(monkeypatch, tmp_path, lambda run: words(recipe, run, *more, epochs=3))


def test_short_names_of_the_data_options():
    def read(*given):
        return ConfigParser(RecallRun, "ghyena train recall").read(given)

    config = read("--length", "64", "--vocabulary=5", "--variant", "fixed", "--seed", "3")
    assert (config.data.length, config.data.vocabulary, config.data.variant) == (64, 5, "fixed")
    assert (config.seed, config.data.seed) == (3, 0)
    assert read("--data.length", "64") == read("--length", "64")
    assert read() == RecallRun()
    assert (read().network.hidden_dim, read().network.vector_channels) == (80, 16)


@pytest.mark.parametrize(
    ("recipe", "more", "said"),
    [
        ("recall", ("--length", "2"), "length: expected at least 3, got 2"),
        ("recall", ("--vocabulary", "1"), "vocabulary: expected at least 2, got 1"),
        ("recall", ("--variant", "some"), "variant: expected random or fixed"),
        ("recall", ("--model", "none"), "model: there is no 'none'"),
        ("nbody", ("--data.lag", "9000"), "only 5000 are simulated"),
        ("nbody", ("--dropout", "1"), "dropout: expected a part from 0 to below 1"),
        ("nbody", ("--protocol", "none"), "protocol: there is no 'none'"),
    ],
)
def test_bad_input_ends_in_one_line_before_anything_is_written(recipe, more, said, tmp_path, capsys):
    run = tmp_path / "run"
    assert ghyena(*words(recipe, run, *more)) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert said in error[0]
    assert not run.exists()


def test_the_weights_move_away_from_the_mean_prediction(trained):
    _, run = trained
    assert load_file(run / "model.safetensors")["readout.mix.weight"].abs().max() > 0


def test_dropout_reaches_the_model():
    config = NBodyRun(
        data=NBodyConfig(train=2, validation=1, test=1, steps=200, start=50, lag=50), dropout=0.3
    )
    assert NBodyTask(config).predictor(config).model.dropout.p == 0.3


def test_training_sees_new_sequences_in_every_epoch():
    config = RecallRun()
    task = RecallTask(config)
    sampler = EpochShuffle(task.train, 0)
    sampler.set_epoch(2)
    assert task.train.epoch == 2


def test_constant_velocity_knows_the_time_between_input_and_target():
    task = NBodyTask(NBodyRun(data=NBodyConfig(train=4, validation=4, test=4, start=0, lag=10)))
    frames = Frames(*task.test.states())
    said = task._trivial(frames, frames)
    assert set(said) == TRIVIAL["nbody"]
    # 0.01 time units: hardly anything has acted
    torch.testing.assert_close(said["constant_velocity"], frames.displacements, rtol=0, atol=2e-3)


def test_the_standard_error_of_the_test_is_that_over_trajectories():
    metrics = {"test": {"model": {"mse": 2.5}, "linear_motion": {"mse": 10.0}}}
    metrics["test_shuffled"] = metrics["test"]
    measured = torch.zeros(4, 2, 3)
    predicted = torch.tensor([0.0, 1.0, 3.0, 0.0]).view(4, 1, 1).expand(4, 2, 3)
    evaluation = NBodyEvaluation(None, metrics, Frames(measured, measured, measured), predicted)
    error = math.sqrt((2.5**2 + 1.5**2 + 6.5**2 + 2.5**2) / 3 / 4)
    assert evaluation.headline().startswith(
        f"test MSE 2.50000 ± {error:.5f}, 0.250 ± {error / 10:.3f} of linear motion (10.0000); "
    )
