"""Sweeps: every cell trained once, resumed where cut off, and drawn from the result alone."""

import json
import shutil
import subprocess
from dataclasses import asdict, replace

import pytest

from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.models.registry import build_model
from geometric_hyena.report.sweep_plot import sweep_figure
from geometric_hyena.reproduce import registry, runner, sweep
from geometric_hyena.reproduce.matching import matched_network
from geometric_hyena.reproduce.plan import Choices, plan_sweep
from geometric_hyena.reproduce.registry import SWEEPS
from geometric_hyena.reproduce.sweep import Budget, Published, make_cells, merged
from training.small_runs import ghyena

TINY = {
    "data": {"train": 32, "validation": 8, "test": 8},
    "network": {"hidden_dim": 8, "vector_channels": 2, "blocks": 1},
    "accelerator": "cpu",
}
SWEEP = replace(
    SWEEPS["recall-length"],
    name="tiny",
    models=("geometric-hyena", "transformer", "not-there-yet"),
    quick=Budget((4, 7), seeds=1, epochs=2, values=TINY),
    paper=Budget((4, 7), seeds=2, epochs=2, values=TINY),
    published=(Published("Someone", 7, 0.5, "a paper", 2.0), Published("Someone", 99, 0.1, "a paper")),
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(registry.SWEEPS, "tiny", SWEEP)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a sweep that was run; read only."""
    folder = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.SWEEPS, "tiny", SWEEP)
        assert ghyena("reproduce", "tiny", "--jobs", "2", "--out", folder) == 0
    return folder


@pytest.fixture
def started(monkeypatch):
    """The commands of the processes that runs are started in."""
    commands, start = [], runner.start

    def recorded(job, threads, device):
        process = start(job, threads, device)
        commands.append(process.args[3:])
        return process

    monkeypatch.setattr(runner, "start", recorded)
    return commands


def record_of(folder):
    return json.loads((folder / "tiny.json").read_text())


def test_every_model_at_every_setting(finished):
    record = record_of(finished)
    cells = {(cell["model"], cell["setting"], cell["seed"]) for cell in record["cells"]}
    assert cells == {(m, n, 0) for m in ("geometric-hyena", "transformer") for n in (4, 7)}
    assert len(list((finished / "cells").iterdir())) == 4
    for cell in record["cells"]:
        summary = json.loads((finished / "cells" / cell["run"] / "summary.json").read_text())
        assert cell["test"] == summary["test"]
        assert cell["data"]["length"] == cell["setting"]
        assert cell["run"].startswith(f"{cell['model']}-")


def test_the_result_says_where_it_came_from(finished):
    record = record_of(finished)
    assert record["reduced"] is True
    assert {"commit", "cpu", "torch", "cpu_cores"} <= record["environment"].keys()
    assert record["command"].startswith("ghyena")
    assert record["models_not_available"] == ["not-there-yet"]
    assert all({"commit", "seconds", "parameters", "network"} <= cell.keys() for cell in record["cells"])
    assert str(finished) not in json.dumps(record["cells"])


def test_the_table_has_models_baselines_and_what_papers_report(finished):
    page = (finished / "tiny.md").read_text()
    record = record_of(finished)
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:-1] for line in page.splitlines() if line[:1] == "|"
    }
    assert {"geometric-hyena", "transformer", "*mean*", "Someone (published: a paper)"} <= rows.keys()
    assert [cell.strip() for cell in rows["sequence length"]] == ["4", "7"]
    assert [cell.strip() for cell in rows["Someone (published: a paper)"]] == ["–", "0.500 (0.25)"]
    mse = {c["setting"]: c["test"]["model"]["mse"] for c in record["cells"] if c["model"] == "transformer"}
    mean = {c["setting"]: c["test"]["mean"]["mse"] for c in record["cells"]}
    for cell, setting in zip(rows["transformer"], (4, 7), strict=True):
        shown, ratio = cell.replace("(", "").replace(")", "").split()
        assert float(shown) == pytest.approx(mse[setting], rel=6e-3)
        assert float(ratio) == pytest.approx(mse[setting] / mean[setting], rel=6e-2)
    assert "REDUCED" in page
    assert "Not available, left out: not-there-yet." in page


def test_a_finished_sweep_is_not_run_again(finished, started, tmp_path, capsys):
    folder = shutil.copytree(finished, tmp_path / "copy")
    assert ghyena("reproduce", "tiny", "--out", folder) == 0
    assert not started
    assert record_of(folder)["cells"] == record_of(finished)["cells"]
    assert "| transformer |" in capsys.readouterr().out


def test_an_interrupted_sweep_goes_on(finished, started, tmp_path, monkeypatch, capsys):
    """Some runs ended, one was cut off in training, one before it had written its configuration."""
    folder = shutil.copytree(finished, tmp_path / "copy")
    cells = sorted((folder / "cells").iterdir())
    (cells[1] / "summary.json").unlink()
    for name in ("summary.json", "config.yaml"):
        (cells[2] / name).unlink()

    def interrupt(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner.SweepProgress, "update", interrupt)
        assert ghyena("reproduce", "tiny", "--out", folder, "--jobs", "1") == 130
    assert not started
    assert ghyena("reproduce", "tiny", "--out", folder, "--jobs", "3") == 0
    assert sorted(words[1] for words in started) == ["--resume", "recall"]
    for ours, theirs in zip(record_of(folder)["cells"], record_of(finished)["cells"], strict=True):
        assert ours["run"] == theirs["run"]
        assert ours["test"]["model"]["mse"] == pytest.approx(theirs["test"]["model"]["mse"], rel=1e-3)
    assert "4/4" in capsys.readouterr().err


def test_interrupting_leaves_no_process_behind(tmp_path, monkeypatch):
    processes, looks, start = [], [], runner.start

    def recorded(job, threads, device):
        processes.append(start(job, threads, device))
        return processes[-1]

    def interrupt(self):
        looks.append(self)
        if len(looks) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner, "start", recorded)
    monkeypatch.setattr(runner.SweepProgress, "update", interrupt)
    assert ghyena("reproduce", "tiny", "--out", tmp_path / "new", "--jobs", "2") == 130
    assert len(processes) == 2
    assert all(process.poll() is not None for process in processes)


@pytest.fixture
def endless(monkeypatch):
    """Runs that never end by themselves; the processes."""
    processes = []

    def start(job, threads, device):
        processes.append(subprocess.Popen(["sleep", "300"], start_new_session=True))
        return processes[-1]

    monkeypatch.setattr(runner, "start", start)
    monkeypatch.setattr(runner, "_LOOK_EVERY", 0.05)
    return processes


def test_out_of_time_it_keeps_what_has_ended(finished, endless, tmp_path, capsys):
    folder = shutil.copytree(finished, tmp_path / "copy")
    (sorted((folder / "cells").iterdir())[1] / "summary.json").unlink()
    assert ghyena("reproduce", "tiny", "--out", folder, "--seconds", "1") == 0
    assert [process.poll() is not None for process in endless] == [True]
    record = record_of(folder)
    assert (len(record["cells"]), record["unfinished"], record["failed"]) == (3, 1, {})
    assert "NOT FINISHED, runs to go: 1. REDUCED." in (folder / "tiny.md").read_text()
    assert "stopped with 3 of 4 runs ended; the same command goes on" in capsys.readouterr().err
    assert record_of(finished)["unfinished"] == 0
    assert "NOT FINISHED" not in (finished / "tiny.md").read_text()


def test_out_of_time_before_anything_has_ended(endless, tmp_path):
    assert ghyena("reproduce", "tiny", "--out", tmp_path, "--seconds", "1", "--jobs", "2") == 0
    assert len(endless) == 2
    assert (record_of(tmp_path)["cells"], record_of(tmp_path)["unfinished"]) == ([], 4)
    assert "NOT FINISHED, runs to go: 4" in (tmp_path / "tiny.md").read_text()


def test_rows_whose_package_is_missing_are_left_out_unless_asked_for(monkeypatch, tmp_path):
    lacking = {"transformer"}

    def matched(model, reference, inputs):
        if model in lacking:
            raise MissingDependencyError("not_there", "baselines", f"the model {model}")
        return dict(reference)

    monkeypatch.setattr(sweep, "matched_network", matched)
    plan = plan_sweep(SWEEP, tmp_path, "paper", Choices())
    assert {job.cell.model for job in plan.jobs} == {"geometric-hyena"}
    assert "the model transformer needs the package 'not_there'" in plan.left_out["transformer"]
    assert plan.reduced
    with pytest.raises(MissingDependencyError):
        plan_sweep(SWEEP, tmp_path, "paper", Choices(models=("geometric-hyena", "transformer")))


def test_a_run_that_fails_is_named_and_the_others_are_kept(finished, tmp_path, capsys):
    folder = shutil.copytree(finished, tmp_path / "copy")
    broken = next(path for path in (folder / "cells").iterdir() if path.name.startswith("transformer"))
    (broken / "summary.json").unlink()
    (broken / "config.yaml").write_text("recipe: recall\nepochs: many\n")
    assert ghyena("reproduce", "tiny", "--out", folder) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"1 of 4 runs failed, first {broken.name}" in error
    assert "epochs" in error
    assert len(record_of(folder)["cells"]) == 3
    assert broken.name in (folder / "tiny.md").read_text()


def test_table_and_figure_are_drawn_again_from_the_result(finished, started, tmp_path, capsys):
    copy = tmp_path / "tiny.json"
    shutil.copyfile(finished / "tiny.json", copy)
    assert ghyena("reproduce", "tiny", "--from", copy) == 0
    for name in ("tiny.md", "tiny.svg"):
        assert (tmp_path / name).read_bytes() == (finished / name).read_bytes()
    assert ghyena("reproduce", "tiny", "--from", copy, "--out", tmp_path / "elsewhere") == 0
    assert (tmp_path / "elsewhere" / "tiny.svg").is_file()
    assert not started


def test_a_mean_over_fewer_seeds_than_asked_for_says_so(finished, tmp_path):
    assert " seeds |" not in (finished / "tiny.md").read_text()
    record = record_of(finished)
    again = {**record["cells"][0], "seed": 1}
    copy = tmp_path / "tiny.json"
    copy.write_text(json.dumps({**record, "seeds": [0, 1], "cells": [*record["cells"], again]}))
    assert ghyena("reproduce", "tiny", "--from", copy) == 0
    assert (tmp_path / "tiny.md").read_text().count(", 1 of 2 seeds |") == 3  # of four cells


def test_narrower_than_the_paper_is_reduced_and_shares_its_runs(finished, started, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    words = ("--budget", "paper", "--values", "7", "--models", "transformer", "--seeds", "1")
    assert ghyena("reproduce", "tiny", "--out", folder, *words) == 0
    assert not started
    record = record_of(folder)
    assert record["reduced"] is True
    assert record["settings"] == [7]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["table0"], "reproduce: there is no 'table0'; choose one of: table1, table2"),
        (["tiny", "nbody"], "expected one of: table1"),
        (["tiny", "--budget", "huge"], "--budget: expected quick or paper, got 'huge'"),
        (["tiny", "--values", "four"], "--values: expected values such as 4,7, got 'four'"),
        (["tiny", "--values", "2"], "length: expected at least 3, got 2"),
        (["tiny", "--models", "resnet"], "--models: tiny has no 'resnet'"),
        (["tiny", "--models", "not-there-yet"], "--models: none of them is available here"),
        (["tiny", "--jobs", "0"], "--jobs: expected a whole number from 1 on, got '0'"),
        (["tiny", "--seeds", "x"], "--seeds: expected a whole number"),
        (["tiny", "--lengths", "4"], "unknown option --lengths"),
        (["tiny", "--from", "gone.json"], "gone.json: cannot be read"),
        (["tiny", "--from", "a.json", "--epochs", "3"], "--epochs: nothing is run with --from"),
    ],
)
def test_bad_words_end_in_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ghyena("reproduce", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sweep": "tiny"}', '{"benchmark": "block", "cells": []}'])
def test_a_file_that_is_no_result_is_refused(text, tmp_path, capsys):
    (tmp_path / "a.json").write_text(text)
    assert ghyena("reproduce", "tiny", "--from", tmp_path / "a.json") == 2
    assert "a.json: is no result of ghyena reproduce" in capsys.readouterr().err


def test_the_result_of_another_sweep_is_refused(finished, capsys):
    assert ghyena("reproduce", "nbody", "--from", finished / "tiny.json") == 2
    assert "is a result of tiny, not of nbody" in capsys.readouterr().err


def test_names_of_runs_depend_on_what_is_trained_and_on_nothing_else():
    def names(budget, models=("geometric-hyena",)):
        return [cell.name for cell in make_cells(SWEEP, budget, models)]

    base = names(SWEEP.quick)
    assert len(set(base)) == 2
    assert names(SWEEP.quick) == base
    elsewhere = merged(TINY, {"threads": 3, "out": "x", "accelerator": "auto"})
    assert names(replace(SWEEP.quick, values=elsewhere)) == base
    for other in ({"data": {"seed": 1}}, {"optimizer": {"clip": 2.0}}, {"batch_size": 4}):
        assert not set(names(replace(SWEEP.quick, values=merged(TINY, other)))) & set(base)
    assert not set(names(replace(SWEEP.quick, epochs=3))) & set(base)


@pytest.mark.parametrize("name", list(SWEEPS))
@pytest.mark.parametrize("budget", ["quick", "paper"])
def test_every_sweep_has_cells_of_equal_size(name, budget):
    """Models of a setting have the parameters of Geometric Hyena within 5 per cent where they are large."""
    sweep = SWEEPS[name]
    cells = make_cells(sweep, sweep.budget(budget), ["geometric-hyena", "transformer", "hyena"])
    assert len({cell.name for cell in cells}) == len(cells)
    for setting in sweep.budget(budget).settings:
        sizes = {}
        for cell in (c for c in cells if c.setting == setting and c.seed == 0):
            options = asdict(cell.config.network) | {"edge_dim": sweep.inputs["edge_dim"]}
            model = build_model(cell.model, sweep.inputs["scalar_dim"], sweep.inputs["vector_dim"], options)
            sizes[cell.model] = sum(p.numel() for p in model.parameters())
        for model, size in sizes.items():
            assert size == pytest.approx(sizes["geometric-hyena"], rel=0.05 if size > 1e5 else 0.2), model


def test_matching_takes_the_nearest_width():
    reference = {"hidden_dim": 40, "vector_channels": 8, "blocks": 2}
    inputs = {"scalar_dim": 5, "vector_dim": 1, "edge_dim": 0}

    def size(model, hidden):
        options = {**reference, "hidden_dim": hidden, "edge_dim": 0}
        return sum(p.numel() for p in build_model(model, 5, 1, options).parameters())

    found = matched_network("transformer", reference, inputs)
    widths = range(4, 200, 4)
    wanted = size("geometric-hyena", 40)
    assert found["hidden_dim"] == min(widths, key=lambda h: abs(size("transformer", h) - wanted))
    assert matched_network("geometric-hyena", reference, inputs) == reference


def test_figures_of_numbers_and_of_names():
    numbers = sweep_figure(
        {"a": {4: [1.0, 2.0], 8: [0.5]}}, {"mean": {4: [3.0]}}, [4, 8], "length", log_axis=True
    )
    axes = numbers.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["4", "8"]
    assert axes.get_xscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"a", "mean"}
    named = sweep_figure({"a": {"x": [1.0]}}, {}, ["x", "y"], "protocol", published=[("EGNN", "x", 0.5)])
    assert "EGNN (published)" in {text.get_text() for text in named.axes[0].texts}
    assert sweep_figure({"a": {}}, {}, [1], "nothing was run").axes
    narrow = sweep_figure({"a": {1: [0.15], 2: [0.18]}}, {}, [1, 2], "length").axes[0]
    low, high = narrow.get_ylim()
    assert sum(low <= tick <= high for tick in narrow.get_yticks()) > 2
