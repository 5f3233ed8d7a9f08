"""The steerable model trains by name, with its own options, and its run opens again."""

import json

import pytest
from safetensors.torch import load_file

from geometric_hyena import InputError
from geometric_hyena.training.config import NetworkConfig, RunConfig, check_run_config
from training.small_runs import SELECTION, ghyena, trained

pytest.importorskip("e3nn")
pytest.importorskip("MDAnalysisTests")


def test_trains_and_evaluates(tmp_path):
    run = trained(
        tmp_path / "run",
        *("--model", "steerable-hyena", "--network.degrees", "0,1,2,3", "--network.scalarisation", "true"),
        epochs=1,
        stride=16,
    )
    summary = json.loads((run / "summary.json").read_text())
    assert summary["test"]["model"]["mse"] > 0
    weights = load_file(next(run.rglob("*.safetensors")))
    shapes = {tuple(w.shape) for name, w in weights.items() if name.endswith(".interaction")}
    assert shapes == {(9, 2)}  # five couplings of low order, two for each of the degrees 2 and 3
    assert ghyena("evaluate", run) == 0
    assert SELECTION in (run / "config.yaml").read_text()


def test_degrees_that_cannot_be_used_are_refused_before_anything_is_read():
    with pytest.raises(InputError, match=r"^network\.degrees: expected distinct degrees"):
        check_run_config(RunConfig(network=NetworkConfig(degrees="1,2")))
