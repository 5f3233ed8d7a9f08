"""`ghyena evaluate`: the metrics of training again, or those on other data."""

import json
import shutil

import pytest

from training.small_runs import ghyena


def evaluate(run, out, *words) -> dict:
    assert ghyena("evaluate", run, *words, "--out", out) == 0
    return json.loads(out.read_text())


def summary_of(run) -> dict:
    return json.loads((run / "summary.json").read_text())


@pytest.mark.parametrize("name", ["moving_run", "still_run"])
def test_metrics_are_those_of_the_summary(name, request, tmp_path):
    run = request.getfixturevalue(name)
    summary, found = summary_of(run), evaluate(run, tmp_path / "metrics.json")
    for split in ("test", "validation"):
        assert found[split].keys() == summary[split].keys()
        for who, metrics in summary[split].items():
            assert found[split][who] == pytest.approx(metrics, rel=1e-6)
    assert found["data"] == summary["data"]


def test_the_table_has_every_baseline_best_first(moving_run, capsys):
    assert ghyena("evaluate", moving_run) == 0
    lines = capsys.readouterr().out.splitlines()
    summary = summary_of(moving_run)["test"]
    assert lines[0].split() == ["test", "mse", "rmse", "mae", "/", "no_motion"]
    rows = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines[2:-1]}
    assert list(rows) == sorted(summary, key=lambda who: summary[who]["mse"])
    for who, (mse, rmse, mae, share) in rows.items():
        assert {"mse": mse, "rmse": rmse, "mae": mae} == pytest.approx(summary[who], abs=1e-4)
        assert share == pytest.approx(summary[who]["mse"] / summary["no_motion"]["mse"], abs=1e-3)
    assert lines[-1].startswith("test MSE ")


def test_on_other_data(moving_run, files, tmp_path):
    words = ["--data.topology", files.topology, "--data.trajectory", files.trajectory]
    words += ["--data.selection", "all", "--data.stride", "1", "--data.lag", "2"]
    by_time = evaluate(moving_run, tmp_path / "time.json", *words)
    other = evaluate(moving_run, tmp_path / "other.json", *words, "--data.test_trajectory", files.other)
    assert by_time["data"]["splits"]["test"] == {"trajectory": 0, "frames": [[24, 29]], "samples": 3}
    assert other["data"]["splits"]["test"] == {"trajectory": 1, "frames": [[0, 24]], "samples": 22}
    moves = files.other_coordinates[3:] - files.other_coordinates[1:-2]
    assert other["test"]["no_motion"]["mse"] == pytest.approx(
        float((moves.astype(float) ** 2).mean()), rel=1e-5
    )
    assert other["test"]["model"]["mse"] != by_time["test"]["model"]["mse"]


def test_turned_data_give_the_same_metrics(moving_run, files, tmp_path, dcd_writer):
    import numpy as np

    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    found = []
    for number, (first, second) in enumerate(
        [
            (files.trajectory, files.other),
            (files.trajectory, dcd_writer(tmp_path / "turned.dcd", files.other_coordinates @ turn.T + 7)),
        ]
    ):
        words = ["--data.topology", files.topology, "--data.trajectory", first]
        words += ["--data.test_trajectory", second, "--data.selection", "all", "--data.lag", "2"]
        found.append(evaluate(moving_run, tmp_path / f"{number}.json", *words)["test"])
    for who in ("model", "no_motion", "linear_motion", "atom_mean_displacement"):
        assert found[1][who]["mse"] == pytest.approx(found[0][who]["mse"], rel=1e-4)


def test_the_run_is_left_as_it_is(moving_run, tmp_path):
    run = shutil.copytree(moving_run, tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert ghyena("evaluate", run) == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_data_of_another_kind_are_named(moving_run, capsys):
    assert ghyena("evaluate", moving_run, "--data.velocities", "false") == 2
    said = capsys.readouterr().err
    assert said.startswith("ghyena: data.velocities False instead of True: that makes data of a kind which")
    assert str(moving_run) in said
    assert said.count("\n") == 1
