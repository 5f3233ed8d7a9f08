"""One layer of every model: taken out of its model unchanged, checked first, compared with ours alone."""

import json
import sys

import pytest
import torch

from geometric_hyena.benchmarks import measure, one_layer, one_se3_layer, scaling_models, sizes
from geometric_hyena.benchmarks.measure import Measured
from geometric_hyena.benchmarks.one_block import Prepared
from geometric_hyena.benchmarks.run import redraw, run_benchmark
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.cli import main
from geometric_hyena.errors import GHyenaError, InputError, MissingDependencyError
from geometric_hyena.memory import GIB
from geometric_hyena.models.registry import MODELS

CPU = torch.device("cpu")
SLOW = ["se3-hyena", "steerable-hyena", "equiformer", "tmd-et", "egnn-pytorch-sparse"]
SLOW += ["se3-transformer-pytorch"]
PACKAGES = {"egnn-pytorch-sparse": "egnn_pytorch", "egnn-pytorch-dense": "egnn_pytorch"}
PACKAGES |= {"se3-transformer-pytorch": "se3_transformer_pytorch", "equiformer": "equiformer_pytorch"}
PACKAGES |= {"tmd-et": "torchmdnet", "vn-transformer": "VN_transformer"}


def test_every_model_and_the_peers_of_the_papers_are_there():
    assert set(MODELS) < set(one_layer.PEERS)
    assert one_layer.chosen(["all"]) == list(one_layer.PEERS)
    assert one_layer.chosen(["egnn", "egnn"]) == ["geometric-hyena", "egnn"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in one_layer.PEERS],
)
def test_a_layer_runs_forward_and_backward_and_its_model_is_checked(name):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    one_layer.check(name, 4, CPU)
    prepared = one_layer.prepare(name, 24, 4, ("forward", "training"), CPU)
    assert prepared["training"].held > prepared["forward"].held > 0
    said = list(one_layer._tensors(prepared["forward"].call()))
    assert said
    assert all(x.isfinite().all() for x in said)
    gradients = prepared["training"].call()
    assert gradients
    assert any(g is not None and g.any() for g in gradients)


def test_the_layer_is_given_what_its_model_gives_it():
    """Outputs of the middle layer: by itself, and as it ran inside the model."""
    peer, batch = one_layer.PEERS["egnn"], one_layer.chain(20, CPU)
    model = one_layer._made(peer, 4)
    inside = []
    model.get_submodule(peer.layer).register_forward_hook(lambda *call: inside.append(call[2]))
    with torch.no_grad():
        model(batch)
    alone = one_layer.prepare("egnn", 20, 4, ("forward",), CPU)["forward"].call()
    for ours, theirs in zip(alone, inside[0], strict=True):
        assert torch.equal(ours, theirs)


def test_what_does_not_turn_with_the_molecule_is_not_timed(monkeypatch, tmp_path):
    crooked = one_layer.PEERS["transformer"]._replace(symmetry="E(3)")
    monkeypatch.setitem(one_layer.PEERS, "transformer", crooked)
    monkeypatch.setattr(scaling_models, "rows", lambda *a: pytest.fail("timed all the same"))
    with pytest.raises(GHyenaError, match="nothing is timed: transformer: relative equivariance error"):
        run_benchmark("scaling-models", tmp_path / "new", Settings(models=("transformer",), channels=2))
    assert not list(tmp_path.iterdir())


def test_se3_hyena_and_its_attention_twins_are_checked():
    one_se3_layer.check(CPU)


def test_a_missing_package_is_named_with_the_line_that_brings_it(monkeypatch):
    for package, name in (
        ("egnn_pytorch", "egnn-pytorch-sparse"),
        ("se3_transformer_pytorch", "se3-transformer-pytorch"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingDependencyError, match=r"pip install 'geometric-hyena\[baselines\]'"):
            one_layer.check(name, 4, CPU)


def test_of_all_models_those_without_their_package_are_left_out_with_a_line(tmp_path, monkeypatch, capsys):
    few = {name: one_layer.PEERS[name] for name in ("geometric-hyena", "egnn", "se3-transformer-pytorch")}
    monkeypatch.setattr(one_layer, "PEERS", few)
    monkeypatch.setitem(sys.modules, "se3_transformer_pytorch", None)
    monkeypatch.setattr(scaling_models, "LENGTHS", (20, 24))
    monkeypatch.setattr(measure, "PATIENCE", 0.0)
    words = ["benchmark", "scaling", "--models", "all", "--channels", "2", "--out", str(tmp_path)]
    assert main(words) == 0
    said = "se3-transformer-pytorch needs the package 'se3-transformer-pytorch', which is not installed"
    assert f"ghyena: se3-transformer-pytorch is left out: {said}" in capsys.readouterr().err
    record = json.loads((tmp_path / "scaling-models.json").read_text())
    assert {row["model"] for row in record["rows"]} == {"geometric-hyena", "egnn"}
    assert list(record["left out"]) == ["se3-transformer-pytorch"]
    assert f"Left out: se3-transformer-pytorch. {said}" in (tmp_path / "scaling-models.md").read_text()


def test_each_model_takes_turns_with_ours_and_stops_alone(monkeypatch):
    """Ours is linear; one peer runs out of time, the other of memory; ratios come from turns with ours."""
    laws = {
        "ours": lambda n: Measured(1e-5 * n, 2000 * n),
        "slow": lambda n: Measured(1e-6 * n * n, 2000 * n),
        "large": lambda n: Measured(1e-5 * n, 16 * n * n),
    }
    turns = []

    def called(calls, repeats):
        turns.append([name.split()[0] for name in calls])
        return {name: call() for name, call in calls.items()}

    monkeypatch.setattr(sizes, "times_and_peaks", called)
    monkeypatch.setattr(sizes, "free_bytes", lambda device: 100 * GIB)
    models = {
        name: lambda n, law=law: {"forward": Prepared(lambda: law(n), 1000 * n)} for name, law in laws.items()
    }
    lengths = (1024, 4096, 16_384, 65_536)
    settings = Settings(limit=60, limit_memory=2 * GIB)
    rows = list(sizes.measured(models, ("forward",), lengths, settings, CPU, ours="ours", together=False))
    reached = {name: [row["N"] for row in rows if row["model"] == name] for name in laws}
    assert reached["ours"] == list(lengths)
    assert reached["slow"] == [1024, 4096]
    assert reached["large"] == [1024, 4096]
    assert turns[:3] == [["ours"], ["ours", "slow"], ["ours", "large"]]
    ratios = [row["time / ours"] for row in rows if row["model"] == "slow"]
    assert ratios == pytest.approx([102.4, 409.6])
    (fit,) = (fit for fit in sizes.fits(rows, Settings()) if fit["model"] == "large")
    assert fit["exponent of memory"] == pytest.approx(2)


def test_ratios_are_held_against_the_prototype_where_it_was_measured(monkeypatch):
    monkeypatch.setattr(scaling_models, "numba_imports", lambda: True)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    row = {"model": "g-transformer", "mode": "forward", "N": 8192, "time / ours": 9.0}
    found = [row, {**row, "N": 16_384, "time / ours": 17.0}]
    held = {t["what"]: t["holds"] for t in scaling_models.targets(found, Settings(channels=80))}
    assert held["time of g-transformer / ours, N = 8,192"] is False
    assert held["time of g-transformer / ours, N = 16,384"] is True
    assert held["time of g-transformer / ours, N = 1,024"] is None
    assert len(held) == 3
    assert scaling_models.targets(found, Settings(channels=16)) == []
    monkeypatch.setattr(scaling_models, "numba_imports", lambda: False)
    assert scaling_models.targets(found, Settings(channels=80)) == []


def test_writes_record_table_and_figure_and_draws_them_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scaling_models, "LENGTHS", (20, 24))
    monkeypatch.setattr(measure, "PATIENCE", 0.0)  # every call once
    words = ["benchmark", "scaling", "--models", "egnn,linear", "--training", "true", "--channels", "2"]
    assert main([*words, "--out", str(tmp_path / "a")]) == 0
    record = json.loads((tmp_path / "a" / "scaling-models.json").read_text())
    assert {row["model"] for row in record["rows"]} == {"geometric-hyena", "egnn", "linear"}
    assert {row["mode"] for row in record["rows"]} == {"forward", "training"}
    assert record["title"] == "One layer of every model, H = 80, C = 2, k = 16"
    assert [fit["time in N"] for fit in record["fits"]][::2] == ["N log N", "N k", "N"]
    text = redraw("scaling-models", tmp_path / "a" / "scaling-models.json", tmp_path / "b")
    assert text.strip() == capsys.readouterr().out.strip()
    for file in ("scaling-models.md", "scaling-models.svg"):
        assert (tmp_path / "a" / file).read_text() == (tmp_path / "b" / file).read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scaling", "--models", "speedy"], "--models: there is no 'speedy'; choose all, or from: geometric"),
        (["scaling", "--training", "true"], "--training: goes with --models all, or --models A,B"),
        (["block", "--models", "all"], "--models: is an option of ghyena benchmark scaling, not of block"),
        (["scaling", "--models", "all", "--training", "1"], "--training: expected true or false, got '1'"),
    ],
)
def test_bad_words_end_in_one_line(words, said, tmp_path, capsys):
    assert main(["benchmark", *words, "--out", str(tmp_path / "new")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_name_that_is_none_says_which_there_are():
    with pytest.raises(InputError, match="there is no 'x'"):
        one_layer.chosen(["egnn", "x"])
