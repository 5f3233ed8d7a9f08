"""Every model trains by its name, at the size asked for, and is rebuilt at that size."""

import json
from types import SimpleNamespace

import pytest
import torch
import yaml

from geometric_hyena import GeometricGraph, collate
from geometric_hyena.models.baselines.fast_egnn import FastEGNN
from geometric_hyena.models.readouts import VectorReadout
from geometric_hyena.models.registry import models_that_give
from geometric_hyena.training.config import OptimizerConfig
from geometric_hyena.training.loop import TrainingModule
from geometric_hyena.training.losses import MeanSquaredError
from geometric_hyena.training.task import Predictor, TaskBatch
from training.small_runs import check_read_again, ghyena, train_words, trained


@pytest.mark.parametrize("name", sorted({*models_that_give("vectors")} - {"geometric-hyena"}))
def test_every_model_trains_by_name_and_is_read_again(name, tmp_path, capsys):
    run = trained(tmp_path / "run", "--model", name, epochs=1, stride=32)
    check_read_again(run, name, "mse", capsys)


def test_too_many_atoms_for_tables_of_pairs_are_refused_unless_forced(tmp_path, monkeypatch, capsys):
    from MDAnalysisTests.datafiles import DCD2, PSF

    pytest.importorskip("VN_transformer")
    monkeypatch.setattr("geometric_hyena.training.memory_check.free_bytes", lambda device: 1000)
    run, folder = tmp_path / "run", tmp_path / "predictions"
    words = train_words(run, "--model", "vn-transformer", epochs=1, stride=32)
    refused = "vn-transformer holds tables of N x N: for 60 tokens it is predicted to take"
    assert ghyena(*words) == 2
    error = capsys.readouterr().err
    assert refused in error
    assert error.count("\n") == 1
    assert not run.exists()
    assert ghyena(*words, "--force") == 0
    shown = capsys.readouterr()
    assert refused in shown.err
    assert "1000 bytes are free; going on" in shown.err
    predict = ("predict", run, PSF, DCD2, "--stride", "50", "--out", folder)
    for words in (("evaluate", run), predict):
        assert ghyena(*words) == 2
        assert "to predict, and 1000 bytes are free; take fewer atoms" in capsys.readouterr().err
    assert not folder.exists()
    assert ghyena(*predict, "--force") == 0


def test_a_model_of_the_size_asked_for(tmp_path):
    from MDAnalysisTests.datafiles import DCD2, PSF

    words = ("--model", "g-transformer", "--match-parameters", "9000")
    run = trained(tmp_path / "run", *words, epochs=1, stride=32)
    summary = json.loads((run / "summary.json").read_text())
    assert abs(summary["parameters"] - 9000) <= 450
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["match_parameters"] == 9000
    assert config["network"]["hidden_dim"] != 8  # what train_words asks for
    assert ghyena("evaluate", run) == 0
    assert ghyena("predict", run, PSF, DCD2, "--stride", "50", "--out", tmp_path / "predictions") == 0


def test_a_size_that_cannot_be_had_writes_nothing(tmp_path, capsys):
    assert ghyena(*train_words(tmp_path / "run", "--match-parameters", "10")) == 2
    assert "match_parameters: no width gives 10 parameters within 5 %" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_a_model_adds_to_the_loss_is_trained_on():
    """FastEGNN's virtual nodes are pulled over the tokens in training; the validation loss is the task's."""
    torch.manual_seed(0)
    predictor = Predictor(FastEGNN(3, 1, hidden_dim=8, vector_channels=2, blocks=1), VectorReadout(2))
    graph = GeometricGraph(torch.randn(9, 3), torch.randn(9, 3), torch.randn(9, 1, 3))
    batch = TaskBatch(collate([graph]), torch.randn(9, 3))
    task = SimpleNamespace(criterion=MeanSquaredError())
    module = TrainingModule(predictor, task, OptimizerConfig(), seed=0)
    module.log = lambda name, value, **_: logged.update({name: value})
    logged = {}
    prediction, auxiliary = predictor.with_auxiliary(batch.inputs)
    expected = torch.nn.functional.mse_loss(prediction, batch.target)
    assert torch.equal(module.training_step(batch, 0), expected + auxiliary)
    module.eval()
    module.on_validation_epoch_start()
    module.validation_step(batch, 0)
    module.on_validation_epoch_end()
    torch.testing.assert_close(logged["val_loss"], expected.detach())
    assert not torch.equal(logged["train_loss"], expected)
