"""The RNA recipes: small trainings, what they leave behind, metrics beside opponents, bad input."""

import json
import math

import numpy as np
import pytest
import torch

pytest.importorskip("biotite")
pytest.importorskip("RNA")

from data.rna.test_data_sets import SEQUENCE, construct, write_lines
from geometric_hyena.data.rna.config import OpenVaccineConfig, RnaTableConfig, TcRiboConfig
from geometric_hyena.models.inputs import sequence_sums
from geometric_hyena.training.config_parser import ConfigParser
from geometric_hyena.training.losses import mean_column_rmse
from geometric_hyena.training.rna import OpenVaccineRun, RnaRun, RnaTask, TcRiboRun
from geometric_hyena.training.rna.config import targets_of
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.trained_run import load_predictor, trained_run
from training.small_rna import (
    COMMON,
    hairpins,
    molecule_table,
    nucleotide_table,
    table_with_splits,
    trained,
)
from training.small_runs import check_interruption_changes_nothing, ghyena

pytestmark = pytest.mark.usefixtures("rna_cache")

METRICS = {"rmse", "mcrmse", "mae", "r2", "spearman"}
TABLES = {"constant", "position", "nucleotide_loop", "nucleotide_loop_position"}


@pytest.fixture(scope="module")
def nucleotide_run(tmp_path_factory, nucleotide_labels):
    return trained(tmp_path_factory.mktemp("nucleotides") / "run", nucleotide_labels)


@pytest.fixture(scope="module")
def molecule_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("molecules")
    return trained(folder / "run", molecule_table(folder / "labels.csv"))


def summary_of(run):
    return json.loads((run / "summary.json").read_text())


def test_a_run_has_the_model_beside_every_table(nucleotide_run):
    summary = summary_of(nucleotide_run)
    for split in ("test", "validation"):
        assert set(summary[split]) == TABLES | {"model"}
        for metrics in summary[split].values():
            assert set(metrics) == METRICS
            assert all(math.isfinite(value) for value in metrics.values())
    data = summary["data"]
    assert data["split"] == {"kind": "random", "train": 8, "validation": 2, "test": 2}
    assert data["structures"].startswith("a sketch")
    assert len(data["file"]["sha256"]) == 64


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, monkeypatch, nucleotide_labels):
    """With dropout, and structures jittered anew in every epoch."""
    random = "--epochs", "3", "--dropout", "0.5", "--jitter", "0.5"

    def command(run):
        return ("train", "rna", "--labels", nucleotide_labels, "--out", run, *COMMON, *random)

    check_interruption_changes_nothing(monkeypatch, tmp_path, command)


def test_a_run_per_molecule(molecule_run):
    summary = summary_of(molecule_run)
    assert set(summary["test"]) == {"constant", "model"}
    assert "gru and kmer_svr" in (molecule_run / "report.html").read_text()


def test_a_run_per_molecule_keeps_the_norms_of_its_weights(molecule_run):
    """Not those met on the way there, with dropout and with other weights."""
    run = RunDirectory(molecule_run)
    config = trained_run(run)[1]
    task = RnaTask(config)
    predictor = load_predictor(task.predictor(config), run).cpu()
    kept = predictor.readout.norm
    with torch.no_grad():
        batch = task.collate(task.data.train).inputs
        pooled = sequence_sums(predictor.model(batch).scalars, batch) / predictor.readout.tokens
    torch.testing.assert_close(kept.mean, pooled.mean(dim=0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(kept.variance, pooled.var(dim=0, correction=0), rtol=1e-3, atol=1e-6)


def test_the_configuration_knows_what_the_data_told(nucleotide_run, molecule_run):
    for run, expected in (
        (nucleotide_run, (("open", "noise"), "nucleotide")),
        (molecule_run, (("size",), "molecule")),
    ):
        config = ConfigParser(RnaRun, "ghyena").read(["--config", str(run / "config.yaml")])
        assert targets_of(config) == expected


def test_the_report_puts_the_opponents_first_and_calls_a_sketch_a_sketch(nucleotide_run):
    text = (nucleotide_run / "report.html").read_text()
    assert "Not trained here: gru" in text
    assert "a sketch built from secondary structure" in text
    assert text.count('class="structure-view"') == 2  # as many as test molecules
    assert "test MCRMSE" in text
    assert "Å" not in text.partition("<script")[0]


def test_evaluation_repeats_the_metrics_of_training(nucleotide_run, tmp_path, capsys):
    assert ghyena("evaluate", nucleotide_run, "--out", tmp_path / "metrics.json") == 0
    found = json.loads((tmp_path / "metrics.json").read_text())
    for split in ("test", "validation"):
        for who, metrics in summary_of(nucleotide_run)[split].items():
            assert found[split][who] == pytest.approx(metrics, rel=1e-4, abs=1e-6)
    assert "/ constant" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--data.split_seed", "3"), "data.split_seed 3 instead of 0: in another split of the same file"),
        (("--data.split", "cluster"), "data.split cluster instead of None: in another split"),
        (("--data.targets", "noise,open"), "predicts open, noise, in this order, not noise, open"),
    ],
)
def test_an_evaluation_on_what_was_trained_on_or_not_predicted_is_refused(
    nucleotide_run, words, told, tmp_path, capsys
):
    out = tmp_path / "metrics.json"
    assert ghyena("evaluate", nucleotide_run, *words, "--out", out) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_an_evaluation_on_a_file_that_grew_is_refused(nucleotide_labels, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text(nucleotide_labels.read_text())
    run = trained(tmp_path / "run", labels)
    labels.write_text(labels.read_text().replace("\n", "\n\n", 1))
    assert ghyena("evaluate", run) == 2
    assert "labels.csv: has changed since the training, and with it" in capsys.readouterr().err


def task_of(labels, **changes):
    return RnaTask(RnaRun(opponents="tables", data=RnaTableConfig(labels=str(labels), **changes)))


def test_an_untrained_model_says_the_mean_of_the_training_targets(nucleotide_labels):
    task = task_of(nucleotide_labels)
    predictor = task.predictor(RnaRun(data=RnaTableConfig(labels=str(nucleotide_labels)))).eval()
    batch = task.collate(task.test)
    said = predictor(batch.inputs)
    mean = torch.cat([sample.target for sample in task.train]).nanmean(dim=0)
    torch.testing.assert_close(said, mean.expand_as(said))
    assert said.shape == batch.target.shape
    assert batch.target.isnan().any()  # the ends
    constant = mean_column_rmse(mean.expand_as(batch.target), batch.target)
    loss = task.criterion.of(task.criterion.sums(said, batch.target))
    torch.testing.assert_close(loss, constant)


def test_targets_lie_beside_their_nucleotides(nucleotide_labels):
    task = task_of(nucleotide_labels)
    for sample in (*task.train, *task.validation, *task.test):
        open_ = [float(b == ".") for b in sample.record.structure[:-2]]
        assert sample.target[:-2, 0].tolist() == open_
        assert sample.graph.residue_lengths.tolist() == [3] * len(sample.record)


def test_splits(nucleotide_labels, tmp_path):
    ids = lambda part: {sample.record.id for sample in part}  # noqa: E731
    first, again, other = (task_of(nucleotide_labels, split_seed=seed) for seed in (0, 0, 1))
    assert ids(first.test) == ids(again.test) != ids(other.test)
    assert task_of(nucleotide_labels, split="cluster").identity["split"]["kind"] == "cluster"
    own = table_with_splits(tmp_path / "own.csv", "y", ["1.0", "1.1", "1.2", "1.3"])
    task = task_of(own)
    assert (ids(task.train), ids(task.validation), ids(task.test)) == ({"rna1", "rna3"}, {"rna2"}, {"rna0"})
    assert task_of(own, split="random").identity["split"]["kind"] == "random"


def test_a_file_of_its_own_for_the_test(nucleotide_labels, tmp_path):
    split = task_of(nucleotide_labels)
    record = split.train[0].record
    given = [("known", record.sequence, record.structure), *hairpins(5, seed=1)]
    more = nucleotide_table(tmp_path / "more.csv", given)
    apart = task_of(nucleotide_labels, test_path=str(more))
    for part in ("train", "validation"):
        ours, theirs = ([s.record.id for s in getattr(task, part)] for task in (split, apart))
        assert ours == theirs
    assert [(s.record.id, s.record.sequence) for s in apart.test] == [molecule[:2] for molecule in given]
    assert apart.identity["test_file"]["name"] == "more.csv"
    assert "1 of 6 test molecules have a training sequence" in apart.identity["notes"]
    assert not any("training sequence" in note for note in split.identity["notes"])


def test_a_run_is_judged_on_all_molecules_of_another_file(
    nucleotide_run, nucleotide_labels, tmp_path, capsys
):
    more = nucleotide_table(tmp_path / "more.csv", hairpins(5, seed=1))
    out = tmp_path / "metrics.json"
    assert ghyena("evaluate", nucleotide_run, "--data.test_path", more, "--out", out) == 0
    found = json.loads(out.read_text())
    assert found["data"]["split"]["test"] == 5
    # Opponents still know what the run was trained on, no more.
    before = summary_of(nucleotide_run)
    assert found["validation"]["constant"] == pytest.approx(before["validation"]["constant"])
    assert found["test"]["constant"] != pytest.approx(before["test"]["constant"])
    per_molecule = molecule_table(tmp_path / "size.csv")
    capsys.readouterr()
    assert ghyena("evaluate", nucleotide_run, "--data.test_path", per_molecule) == 2
    assert "size.csv" in capsys.readouterr().err
    other_level = table_with_splits(tmp_path / "level.csv", "open,noise", ["1.0,0.5"] * 4)
    assert ghyena("evaluate", nucleotide_run, "--data.test_path", other_level) == 2
    assert "level.csv: has labels per molecule" in capsys.readouterr().err
    assert ghyena("evaluate", nucleotide_run, "--data.test_path", nucleotide_labels) == 2
    assert "data.test_path: is the file that is trained on" in capsys.readouterr().err


def test_a_run_with_a_test_of_its_own_says_so(nucleotide_labels, tmp_path):
    more = nucleotide_table(tmp_path / "more.csv", hairpins(2, seed=1))
    run = trained(tmp_path / "run", nucleotide_labels, "--data.test_path", more)
    assert "on more.csv" in (run / "report.html").read_text()


@pytest.mark.parametrize("representation", ["backbone", "all-atom"])
def test_open_vaccine(tmp_path, representation):
    path = write_lines(tmp_path / "train.json", [construct(f"c{i}") for i in range(6)])
    run = tmp_path / "run"
    words = ("--data.path", path, "--data.representation", representation, "--epochs", "1")
    assert ghyena("train", "open-vaccine", "--out", run, *COMMON, *words) == 0
    summary = summary_of(run)
    assert summary["data"]["targets"] == ["reactivity", "deg_Mg_pH10", "deg_pH10"]
    atoms = {"A": 22, "G": 23, "C": 20, "U": 20}  # heavy ones of a nucleotide
    each = 3 * len(SEQUENCE) if representation == "backbone" else sum(atoms[letter] for letter in SEQUENCE)
    assert summary["data"]["tokens"] == 6 * each


def test_all_opponents_are_trained_where_asked_for(tmp_path, monkeypatch):
    from geometric_hyena.training.rna import task as module

    monkeypatch.setattr(
        module, "gru_predictions", lambda train, asked, level, seed: np.zeros((len(asked), 1))
    )
    rows = [
        f"{s},{i / 10},{'test' if i < 2 else 'val' if i < 4 else 'train'}"
        for i, (_, s, _) in enumerate(hairpins(7))
    ]
    path = tmp_path / "tc.csv"
    path.write_text("\n".join(["Sequence,Value,Split", *rows]))
    config = TcRiboRun(data=TcRiboConfig(path=str(path), pair_probabilities=False))
    task = RnaTask(config)
    evaluation = task.evaluate(task.predictor(config))
    assert set(evaluation.metrics["test"]) == {"model", "constant", "kmer_svr", "gru"}
    assert evaluation.left_out() == []
    assert "not trained" not in evaluation.headline()
    errors = {"model": 0.5, "constant": 0.7, "kmer_svr": 0.6, "gru": 0.9}
    evaluation.metrics["test"] = {name: {"rmse": rmse} for name, rmse in errors.items()}
    assert evaluation.headline() == "test RMSE 0.5000, against 0.6000 of kmer_svr and 0.7000 of constant"
    evaluation.metrics["test"]["constant"] = {"rmse": 0.4}
    assert evaluation.headline() == "test RMSE 0.5000, against 0.4000 of constant"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ("--data.representation", "beads"),
            "data.representation: expected backbone or all-atom, got 'beads'",
        ),
        (("--data.split", "own"), "data.split: these data bring no split"),
        (("--data.split", "some"), "data.split: expected random or cluster or own"),
        (("--data.level", "molecule"), "has labels per nucleotide, data.level is molecule"),
        (("--data.targets", "speed"), "lacks the target column speed"),
        (("--data.hydrogens", "true"), "only all-atom has tokens for hydrogens"),
        (("--structures", "nowhere"), "nowhere: no such file or folder"),
        (("--dropout", "1"), "dropout: expected a part from 0 to below 1"),
        (("--opponents", "none"), "opponents: expected all or tables"),
        (("--model", "none"), "model: there is no 'none'"),
    ],
)
def test_bad_input_ends_before_anything_is_written(nucleotide_labels, more, said, tmp_path, capsys):
    run = tmp_path / "run"
    assert ghyena("train", "rna", "--labels", nucleotide_labels, "--out", run, *COMMON, *more) == 2
    assert said in capsys.readouterr().err
    assert not run.exists()


def test_a_file_has_to_be_given(tmp_path, capsys):
    assert ghyena("train", "rna", "--out", tmp_path / "run") == 2
    assert "data.labels: expected the file with the measurements" in capsys.readouterr().err
    assert ghyena("train", "open-vaccine", "--out", tmp_path / "run") == 2
    assert "data.path: expected the file with the measurements" in capsys.readouterr().err
    assert OpenVaccineRun().data == OpenVaccineConfig()


def test_a_target_that_is_nowhere_measured_in_training_is_named(tmp_path, capsys):
    path = table_with_splits(tmp_path / "labels.csv", "y,z", ["1,2", "1,", "1,", "1,"])
    assert ghyena("train", "rna", "--labels", path, "--out", tmp_path / "run", *COMMON) == 2
    assert "targets: z was measured in no training molecule" in capsys.readouterr().err
