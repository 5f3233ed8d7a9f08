"""`ghyena train rna --model X` for every model that gives scalars; the others end in one line."""

import pytest

pytest.importorskip("biotite")
pytest.importorskip("RNA")

from geometric_hyena.models.registry import MODELS, models_that_give
from training.small_rna import trained
from training.small_runs import check_read_again, ghyena

pytestmark = pytest.mark.usefixtures("rna_cache")

# Trained by default; the others are slow, or much like these.
QUICK = ("egnn", "transformer")
GIVE_SCALARS = sorted({*models_that_give("scalars")} - {"geometric-hyena"})


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in GIVE_SCALARS]
)
def test_every_model_trains_by_name_and_is_read_again(name, nucleotide_labels, tmp_path, capsys):
    run = tmp_path / "run"
    trained(run, nucleotide_labels, "--model", name, "--epochs", "1")
    check_read_again(run, name, "rmse", capsys)


@pytest.mark.parametrize("name", sorted({*MODELS} - {*models_that_give("scalars")}))
def test_a_model_without_scalars_is_refused_by_name(name, nucleotide_labels, tmp_path, capsys):
    run = tmp_path / "run"
    assert ghyena("train", "rna", "--labels", nucleotide_labels, "--out", run, "--model", name) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ghyena: model: {name} gives no scalars; choose one of: egnn, ")
    assert error.count("\n") == 1
    assert not run.exists()
