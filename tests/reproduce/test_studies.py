"""Studies of open questions, at tiny sizes: what they measure, what they train, and the page of both."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from geometric_hyena.reproduce import registry
from geometric_hyena.reproduce.registry import STUDIES
from geometric_hyena.reproduce.studies.degrees import measure_runtime
from geometric_hyena.reproduce.studies.kv_norm import measure_growth
from geometric_hyena.reproduce.studies.wedge import DIMENSIONS, measure_wedge, rotation_of
from geometric_hyena.reproduce.study import Measurement
from geometric_hyena.reproduce.sweep import Budget, Sweep, make_cells, merged
from training.small_runs import SELECTION, ghyena

SMALL = {"network": {"hidden_dim": 8, "vector_channels": 2, "blocks": 1}, "accelerator": "cpu"}
DATA = {
    "recall": {"length": 5, "train": 16, "validation": 8, "test": 8},
    "nbody": {"protocol": "se3-hyena", "train": 8, "validation": 4, "test": 4, "steps": 100, "lag": 50},
    "protein-md": {"selection": SELECTION, "stride": 10},
}
SIZES = {
    "study-degrees-runtime": {"tokens": 16, "repeats": 1, "hidden": 8, "blocks": 1},
    "study-wedge-dimensions": {"tokens": 7, "timed_tokens": 16, "repeats": 1},
    "study-kv-norm-growth": {"tokens": 6, "depths": (1,)},
    **{
        f"{figure}-{what}": {"lengths": (20, 24), "limit": 60}
        for figure in ("figure1", "figure5")
        for what in ("time", "memory")
    },
}
# The setting that is trained.
TRAINED = {
    "study-order": "axis",
    "study-degrees": 2,
    "study-corruption": 0.3,
    "study-wedge": None,
    "study-kv-norm": "none",
    "figure1": None,
    "figure5": None,
}
SLOW = ("study-order", "study-corruption", "study-degrees", "figure1")


def tiny(name):
    def smaller(part):
        if isinstance(part, Measurement):
            return replace(part, quick=SIZES[part.name])
        values = merged(SMALL, {"data": DATA[part.recipe]})
        return replace(part, quick=Budget((TRAINED[name],), seeds=1, epochs=1, values=values))

    return replace(STUDIES[name], parts=tuple(smaller(part) for part in STUDIES[name].parts))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in STUDIES]
)
def test_a_study_runs_into_one_result_and_one_page(name, tmp_path, monkeypatch, capsys):
    study = tiny(name)
    monkeypatch.setitem(registry.STUDIES, name, study)
    assert ghyena("reproduce", name, "--out", tmp_path / "out") == 0
    record = json.loads((tmp_path / "out" / f"{name}.json").read_text())
    page = (tmp_path / "out" / f"{name}.md").read_text()
    assert page.strip() == capsys.readouterr().out.strip()
    assert page.startswith(f"# {study.title}\n\nREDUCED. `ghyena")
    for part, found in zip(study.parts, record["parts"], strict=True):
        assert found["reduced"] is True
        assert {"commit", "cpu", "torch"} <= found["environment"].keys()
        assert f"## {part.title}\n" in page
        assert f"({part.name}.svg)" in page
        assert (tmp_path / "out" / f"{part.name}.svg").is_file()
        if isinstance(part, Sweep):
            assert [cell["setting"] for cell in found["cells"]] == [TRAINED[name]]
            assert {"model", part.reference, *part.trivial} <= found["cells"][0]["test"].keys()
        else:
            assert all(len(rows) > 1 for rows in found["tables"].values())

    copy = shutil.copy(tmp_path / "out" / f"{name}.json", tmp_path)
    assert ghyena("reproduce", name, "--from", copy) == 0
    for file in [f"{name}.md", *(f"{part.name}.svg" for part in study.parts)]:
        assert (tmp_path / file).read_bytes() == (tmp_path / "out" / file).read_bytes()


def test_the_wedge_is_exact_and_turns_in_every_dimension():
    (rows,) = measure_wedge(tokens=13, timed_tokens=16, repeats=1).tables.values()
    assert [row["n"] for row in rows] == list(DIMENSIONS)
    assert [row["n"] for row in rows if row["to the cross product"] is not None] == [3]
    for row in rows:
        for what in ("to the direct sum", "SO(n)", "SO(n), contracted"):
            assert 0 < row[what] < 1e-13
        assert row["SO(n), componentwise product"] > 0.1
        assert row["components"] == row["n"] * (row["n"] - 1) / 2
    assert rows[1]["to the cross product"] == 0
    assert [row["FFTs over n = 3"] for row in rows][:2] == [5 / 9, 1]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_rotations_are_proper(dimension):
    r = rotation_of(dimension, torch.Generator().manual_seed(dimension))
    torch.testing.assert_close(r @ r.T, torch.eye(dimension, dtype=r.dtype))
    torch.testing.assert_close(torch.linalg.det(r), torch.ones((), dtype=r.dtype))


def test_magnitudes_grow_cubically_without_the_norm_and_linearly_with_it():
    found = measure_growth(tokens=6, depths=(1, 2))
    contexts, models = found.tables.values()
    for row in contexts:
        cubic = 3 if row["norm"] == "none" else 1
        assert row["scalars"] == pytest.approx(cubic, abs=1e-3)
        assert row["vectors"] == pytest.approx(cubic, abs=1e-3)
        assert row["vectors, queries growing alone"] == pytest.approx(1, abs=1e-3)
    for row in models:
        grown = 3.0 ** row["blocks"] if row["norm"] == "none" else 1.0
        assert row["exponent"] == pytest.approx(grown, rel=0.05)
        finite = row["not finite in float32 from M ="] == "above 1e30"
        assert finite == (row["norm"] != "none")
    assert list(found.curves) == ["l2", "l1", "linf", "none"]


def test_runtimes_are_ratios_to_degrees_0_and_1():
    found = measure_runtime(tokens=16, repeats=1, hidden=8, blocks=1)
    (rows,) = found.tables.values()
    assert [row["degrees"] for row in rows] == [
        "0 to 1",
        "0 to 2",
        "0 to 3",
        "0 to 2, scalarised",
        "0 to 3, scalarised",
    ]
    times = ("convolution", "model, forward", "model, training step")
    assert all(rows[0][what] == 1 for what in times)
    assert all(row[what] > 0 for row in rows for what in times)
    assert rows[0]["parameters"] < rows[3]["parameters"] <= rows[1]["parameters"] < rows[2]["parameters"]


def test_studies_share_the_runs_that_they_have_in_common():
    def names(study, part):
        sweep = next(p for p in STUDIES[study].parts if p.name == part)
        cells = make_cells(sweep, sweep.quick, sweep.models)
        return {cell.setting: cell.name for cell in cells}

    order = names("study-order", "study-order-protein-md")
    corruption = names("study-corruption", "study-corruption-protein-md")
    assert corruption[0.0] == order["natural"]
    assert corruption[1.0] == order["random"]
    assert corruption[0.3] not in order.values()
    recall = names("study-corruption", "study-corruption-recall")
    assert recall[0.0] == names("study-kv-norm", "study-kv-norm-recall")["l2"]


@pytest.mark.parametrize("budget", ["quick", "paper"])
def test_every_cell_of_a_study_is_another(budget):
    for study in STUDIES.values():
        for sweep in (part for part in study.parts if isinstance(part, Sweep)):
            cells = make_cells(sweep, sweep.budget(budget), sweep.models)
            assert len({cell.name for cell in cells}) == len(cells) > 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["study-wedge", "--seeds", "2"], "--seeds: nothing is trained in study-wedge"),
        (["study-wedge", "--values", "2"], "--values: nothing is trained in study-wedge"),
        (["study-wedge", "--budget", "huge"], "--budget: expected quick or paper, got 'huge'"),
        (["study-order", "--values", "sorted"], "network.order: expected natural, axis, curve"),
        (["study-corruption", "--values", "half"], "--values: expected values such as 0.0,0.1,0.3,1.0"),
        (["study-wedge", "--from", "a.json"], "a.json: is a result of study-order, not of study-wedge"),
    ],
)
def test_bad_words_end_in_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"study": "study-order", "title": "", "parts": []}')
    assert ghyena("reproduce", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
