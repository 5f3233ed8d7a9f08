"""Small real trainings: what they leave behind, and that they can be repeated to the bit."""

import json
import math
import re

import pytest
import torch
import yaml
from safetensors.torch import load_file

from geometric_hyena.training import run_directory
from geometric_hyena.training.config_parser import ConfigParser
from geometric_hyena.training.protein_md import ProteinMDRun
from training.small_runs import ghyena, train_words, trained

METRICS = {"mse", "rmse", "mae"}
TRIVIAL = {"no_motion", "linear_motion", "mean_displacement", "atom_mean_displacement"}


def files_of(run) -> set[str]:
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


def test_a_run_directory_holds_the_documented_files_and_no_other(moving_run):
    documented = re.findall(r"^(\S+\.\w+|\S+/) {2,}\S", run_directory.__doc__, flags=re.MULTILINE)
    expected = set(documented) - {"checkpoints/"} | {"checkpoints/last.ckpt", "checkpoints/best.ckpt"}
    assert len(expected) == 8
    assert files_of(moving_run) == expected


def test_configuration_is_complete_and_trains_the_same_run_again(moving_run):
    values = yaml.safe_load((moving_run / "config.yaml").read_text())
    assert values["recipe"] == "protein-md"
    assert values["out"] == str(moving_run)
    config = ConfigParser(ProteinMDRun, "ghyena").read(["--config", str(moving_run / "config.yaml")])
    assert config.epochs == 2
    assert config.network.hidden_dim == 8
    assert config.data.stride == 4


def test_environment_says_where_the_result_came_from(moving_run):
    found = json.loads((moving_run / "environment.json").read_text())
    hardware = {"platform", "cpu", "cpu_cores", "gpu"}
    program = {"command", "geometric_hyena", "commit", "python", "torch", "numba"}
    assert program | hardware | {"data_sha256"} == set(found)
    assert found["data_sha256"]
    assert all(len(x) == 64 for x in found["data_sha256"])
    assert found["torch"] == torch.__version__


def test_summary_has_the_model_beside_every_trivial_baseline(moving_run):
    summary = json.loads((moving_run / "summary.json").read_text())
    for split in ("test", "validation"):
        assert set(summary[split]) == TRIVIAL | {"model"}
        for metrics in summary[split].values():
            assert set(metrics) == METRICS
            assert all(math.isfinite(value) and value > 0 for value in metrics.values())
    assert summary["epochs"] == 2
    assert summary["seed"] == 0
    assert summary["threads"] == 1
    assert summary["parameters"] == sum(
        t.numel() for t in load_file(moving_run / "model.safetensors").values()
    )
    assert summary["data"]["atoms"] == 60
    assert len(summary["data"]["topology"]["sha256"]) == 64


def test_history_has_one_row_an_epoch(moving_run):
    rows = [json.loads(line) for line in (moving_run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1]
    for row in rows:
        assert set(row) == {"epoch", "train_loss", "val_loss", "learning_rate", "seconds"}
        assert all(math.isfinite(value) for value in row.values())
    summary = json.loads((moving_run / "summary.json").read_text())
    best = min(rows, key=lambda row: row["val_loss"])
    assert (summary["best_epoch"], summary["best_val_loss"]) == (best["epoch"], best["val_loss"])


def test_weights_are_those_of_the_best_checkpoint(moving_run):
    weights = load_file(moving_run / "model.safetensors")
    checkpoint = torch.load(moving_run / "checkpoints" / "best.ckpt", weights_only=True)
    state = checkpoint["state_dict"]
    for name, weight in weights.items():  # the moving average is what was validated and is kept
        assert torch.equal(weight, state[f"averaged.module.{name}"])
    last = state["predictor.model.embed_scalars.weight"]
    assert not torch.equal(first_weight(moving_run), last)


def test_a_slow_average_is_not_of_the_weights_that_training_began_with(tmp_path):
    slow = "--optimizer.averaging", "0.9999"
    begun = trained(tmp_path / "begun", *slow, "--optimizer.learning_rate", "1e-12", epochs=1, stride=8)
    run = trained(tmp_path / "run", *slow, stride=8)
    weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    first, average, last = load_file(begun / "model.safetensors"), {}, {}
    for name in first:
        average[name], last[name] = weights[f"averaged.module.{name}"], weights[f"predictor.{name}"]

    def distance(a, b):
        return math.sqrt(sum((a[name] - b[name]).double().square().sum() for name in first))

    assert 0 < distance(average, last) < 0.5 * distance(first, last)


def test_report_names_the_model_and_needs_no_network(moving_run):
    text = (moving_run / "report.html").read_text()
    assert "geometric-hyena" in text
    assert "no_motion" in text or "no motion" in text.lower()
    assert not re.search(r"""(src|href)=["']https?://""", text)


def test_the_same_seed_gives_the_same_weights_and_another_others(moving_run, tmp_path):
    first = (moving_run / "model.safetensors").read_bytes()
    again = trained(tmp_path / "again")
    assert (again / "model.safetensors").read_bytes() == first
    assert timeless(again) == timeless(moving_run)
    other = trained(tmp_path / "other", seed=1, epochs=1, stride=32)
    assert not torch.allclose(first_weight(other), first_weight(moving_run), atol=0.1)


def test_training_ends_with_a_table_and_a_place_to_look(tmp_path, capsys):
    trained(tmp_path / "run", epochs=1, stride=16)
    shown = capsys.readouterr()
    assert all(name in shown.out for name in (*TRIVIAL, "model", "test MSE", "report.html"))
    assert "epoch 1/1" in shown.err
    assert "Warning" not in shown.err


def test_a_model_without_velocities(still_run, moving_run):
    summary = json.loads((still_run / "summary.json").read_text())
    assert summary["data"]["velocities"] is False
    assert math.isfinite(summary["test"]["model"]["mse"])
    # linear motion is a baseline all the same, and one more scalar and vector go into the other model
    assert set(summary["test"]) == TRIVIAL | {"model"}
    assert summary["parameters"] < json.loads((moving_run / "summary.json").read_text())["parameters"]


def test_a_trajectory_of_ones_own_with_splits_by_time(tmp_path):
    from MDAnalysisTests.datafiles import DCD, PSF

    run = trained(
        *(tmp_path / "run", "--data.topology", PSF, "--data.trajectory", DCD, "--data.lag", "2"),
        epochs=1,
        stride=8,
    )
    splits = json.loads((run / "summary.json").read_text())["data"]["splits"]
    assert {split["trajectory"] for split in splits.values()} == {0}
    assert splits["test"]["frames"] == [[78, 97]]


def test_without_a_directory_the_next_free_one_under_runs_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = train_words("nowhere", epochs=1, stride=32)
    place = words.index("--out")
    for _ in range(2):
        assert ghyena(*words[:place], *words[place + 2 :]) == 0
    made = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert made == ["protein-md-geometric-hyena-seed0", "protein-md-geometric-hyena-seed0-2"]


def test_an_ended_run_is_not_resumed(moving_run, capsys):
    before = contents(moving_run)
    assert ghyena("train", "--resume", moving_run) == 2
    assert "has ended" in capsys.readouterr().err
    assert contents(moving_run) == before


def test_a_directory_in_use_is_left_as_it_is(moving_run, tmp_path, capsys):
    before = contents(moving_run)
    assert ghyena(*train_words(moving_run)) == 2
    assert "exists already" in capsys.readouterr().err
    assert contents(moving_run) == before
    (tmp_path / "notes.txt").write_text("mine")
    assert ghyena(*train_words(tmp_path)) == 2
    assert "--resume" not in capsys.readouterr().err  # there is no run to go on with
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_an_empty_directory_can_be_trained_into(tmp_path):
    assert (trained(tmp_path, epochs=1, stride=32) / "summary.json").is_file()


@pytest.mark.filterwarnings("ignore:.*")
def test_a_loss_that_explodes_ends_training_in_one_line(tmp_path, capsys):
    words = train_words(tmp_path / "run", "--optimizer.learning_rate", "1e30")
    assert ghyena(*words) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("ghyena: the loss became ")
    assert "learning_rate" in last


def contents(folder) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


def first_weight(run) -> torch.Tensor:
    return load_file(run / "model.safetensors")["model.embed_scalars.weight"]


def timeless(run) -> list[dict]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
