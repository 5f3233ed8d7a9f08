"""`ghyena train rna --model X` for every model that gives scalars; the others end in one line."""

import json
import math

import pytest

pytest.importorskip("biotite")
pytest.importorskip("RNA")

from geometric_hyena.models.registry import MODELS, models_that_give
from training.small_rna import COMMON, build_here, nucleotide_table
from training.small_runs import ghyena

# Trained by default; the others are slow, or much like these.
QUICK = ("egnn", "transformer")
GIVE_SCALARS = sorted({*models_that_give("scalars")} - {"geometric-hyena"})


@pytest.fixture(scope="module", autouse=True)
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GHYENA_CACHE", str(tmp_path_factory.getbasetemp() / "rna-cache"))
        build_here()
        yield


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return nucleotide_table(tmp_path_factory.mktemp("labels") / "labels.csv")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in GIVE_SCALARS]
)
def test_every_model_trains_by_name_and_is_read_again(name, labels, tmp_path, capsys):
    run = tmp_path / "run"
    words = ["train", "rna", "--labels", labels, "--out", run, *COMMON, "--model", name, "--epochs", "1"]
    assert ghyena(*words) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["model"] == name
    before = summary["test"]["model"]["rmse"]
    assert math.isfinite(before)
    capsys.readouterr()
    assert ghyena("evaluate", run) == 0
    assert f"{before:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*MODELS} - {*models_that_give("scalars")}))
def test_a_model_without_scalars_is_refused_by_name(name, labels, tmp_path, capsys):
    run = tmp_path / "run"
    assert ghyena("train", "rna", "--labels", labels, "--out", run, "--model", name) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ghyena: model: {name} gives no scalars; choose one of: egnn, ")
    assert error.count("\n") == 1
    assert not run.exists()
