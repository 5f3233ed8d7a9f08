"""Every model trains by its name, at the size asked for, and is rebuilt at that size."""

import json

import pytest
import yaml

from geometric_hyena.models.registry import MODELS
from training.small_runs import ghyena, train_words, trained


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"geometric-hyena"}))
def test_every_model_trains_and_is_judged(name, tmp_path):
    run = trained(tmp_path / "run", "--model", name, epochs=1, stride=32)
    assert json.loads((run / "summary.json").read_text())["model"] == name
    assert ghyena("evaluate", run) == 0


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
