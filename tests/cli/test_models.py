"""`ghyena models` lists what there is, and what it says of each model is so."""

import contextlib
import io
import sys
from dataclasses import asdict

import pytest
import torch

from equivariance.model_tests import chain
from geometric_hyena import collate
from geometric_hyena.cli import main
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import random_rotation, reflection
from geometric_hyena.models.descriptions import DESCRIPTIONS
from geometric_hyena.models.registry import MODELS, build_model, check_gives, check_options, options_of
from geometric_hyena.testing import equivariance_error, relative_error
from geometric_hyena.training.config import NetworkConfig

ADAPTERS = {
    "equiformer": "equiformer_pytorch",
    "tmd-et": "torchmdnet.models.torchmd_et",
    "vn-transformer": "VN_transformer.VN_transformer",
}
NEEDS = {**ADAPTERS, "tfn": "e3nn", "steerable-hyena": "e3nn"}


@pytest.fixture(scope="module")
def table():
    """Lines of the table."""
    for package in NEEDS.values():
        pytest.importorskip(package)
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(["models"]) == 0
    assert err.getvalue() == ""
    return shown.getvalue().splitlines()


def test_every_model_has_a_row_and_the_table_fits_a_screen(table):
    assert [line.split()[0] for line in table[1:-1]] == list(MODELS)
    assert max(map(len, table)) <= 110
    assert len(table) <= 40
    assert table[-1].startswith("size: parameters at 48 hidden, 16 vector channels, 2 blocks")


def test_an_option_that_no_model_has_is_refused():
    with pytest.raises(InputError, match=r"^hiden_dim: no model has this option; egnn has: .*hidden_dim"):
        build_model("egnn", 3, 1, {"hiden_dim": 8})


def test_options_that_a_model_does_not_have_are_refused_where_they_were_chosen():
    chosen = {"hidden_dim": 8, "blocks": 1, "radius": 4.0, "gate": "k"}
    check_options("geometric-hyena", chosen)
    check_options("linear", ["hidden_dim", "order"])  # sizes are given to all
    with pytest.raises(InputError, match=r"^gate: egnn has no such option; .*has: .*blocks"):
        check_options("egnn", chosen)
    assert "scalar_dim" not in options_of("egnn")


def test_the_numbers_of_parameters_are_counted(table):
    row = next(line for line in table if line.startswith("egnn "))
    model = build_model("egnn", 16, 1, asdict(NetworkConfig()))
    assert f" {sum(p.numel() for p in model.parameters()):,} " in row


def test_every_model_is_described():
    assert list(DESCRIPTIONS) == list(MODELS)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_what_is_said_of_a_model_is_so(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    about = DESCRIPTIONS[name]
    torch.manual_seed(0)
    model = build_model(name, 3, 1, {"hidden_dim": 8, "vector_channels": 4, "blocks": 2}).double()
    with torch.no_grad():
        for parameter in model.parameters():  # equiformer's attention starts at zero
            parameter.add_(0.05 * torch.randn_like(parameter))
    graph = chain(23)
    out = model(collate([graph]))
    assert tuple(kind for kind in ("scalars", "vectors") if getattr(out, kind).shape[1]) == about.gives
    rotated = equivariance_error(model, [graph], random_rotation(torch.Generator().manual_seed(0)))
    mirrored = equivariance_error(model, [graph], reflection())
    assert about.symmetry in ("SE(3)", "E(3)", "none")
    assert (rotated < 1e-9) == (about.symmetry != "none")
    assert (mirrored < 1e-9) == (about.symmetry == "E(3)")
    turned = type(graph)(*[t.flip(0) for t in (graph.scalars, graph.positions, graph.vectors)])
    kind = about.gives[-1]
    other = getattr(model(collate([turned])), kind).flip(0)
    assert (relative_error(other, getattr(out, kind)) > 1e-6) == about.ordered


def test_a_model_that_gives_no_vectors_is_refused_by_name(tmp_path, capsys):
    assert main(["train", "protein-md", "--model", "schnet", "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ghyena: model: schnet gives no vectors; choose one of: egnn, ")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match=r"linear gives no scalars; choose one of: egnn, .*schnet"):
        check_gives("linear", "scalars")


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_missing_package_is_named_with_the_line_that_brings_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, ADAPTERS[name], None)
    with pytest.raises(ImportError, match=r"install it with: pip install 'geometric-hyena\[baselines\]'"):
        build_model(name, 3, 1, {})


def test_a_missing_package_leaves_its_row_without_a_number(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, ADAPTERS["vn-transformer"], None)
    monkeypatch.setattr(
        "geometric_hyena.models.descriptions.DESCRIPTIONS", {"vn-transformer": DESCRIPTIONS["vn-transformer"]}
    )
    assert main(["models"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ["vn-transformer", "E(3)", "N^2", "-"]


def test_arguments_are_refused(capsys):
    assert main(["models", "egnn"]) == 2
    assert "models: takes no arguments, got 'egnn'" in capsys.readouterr().err
