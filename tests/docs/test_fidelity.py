"""Every switch that the page on fidelity names exists, and takes the values named beside it."""

import inspect
import re
from dataclasses import replace
from typing import NamedTuple

import pytest

from docs.pages import DOCS
from geometric_hyena import GTransformer, SE3Hyena, SE3Transformer, operators
from geometric_hyena.cli import main
from geometric_hyena.data.associative_recall import AssociativeRecallConfig, check_config
from geometric_hyena.data.nbody import NBodyConfig
from geometric_hyena.data.nbody.config import resolve_config
from geometric_hyena.data.rna.config import RnaConfig, check_rna_config
from geometric_hyena.layers.clifford_mlp import PRODUCTS
from geometric_hyena.models.baselines.fast_egnn import FastEGNN
from geometric_hyena.models.baselines.seq_egnn import SeqEGNN
from geometric_hyena.models.registry import MODELS, build_model
from geometric_hyena.models.size import parameter_count
from geometric_hyena.operators.vector_attention import SCALES, VALUES
from geometric_hyena.training.config import RunConfig, check_run_config
from geometric_hyena.training.config_parser import ConfigParser, option_rows
from geometric_hyena.training.recipes import RECIPES

PAGE = DOCS / "fidelity.md"
CLASSES = {c.__name__: c for c in (FastEGNN, GTransformer, SE3Hyena, SE3Transformer, SeqEGNN)}


class Switch(NamedTuple):
    """An option or an argument, and the values named after it."""

    name: str
    values: tuple[str, ...]


def switches(pattern):
    """Last column of the tables: `name`: `value`, `value`."""
    found = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and "---" not in line:
            last = line.rstrip(" |").rsplit(" | ", 1)[1]
            for match in re.finditer(rf"`({pattern})`(?:: ((?:`[^`]+`(?:, )?)+))?", last):
                found.append(Switch(match[1], tuple(re.findall(r"`([^`]+)`", match[2] or ""))))
    return found


OPTIONS = switches(r"--[^`]+")
ARGUMENTS = switches(r"\w+\(\w+=\.\.\.\)")


def test_the_switches_are_found():
    assert len(OPTIONS) > 40
    assert len(ARGUMENTS) >= 6
    assert Switch("--network.gate", ("qk", "k", "none")) in OPTIONS


@pytest.fixture(scope="module")
def known():
    """Options of all recipes."""
    return {row[0] for recipe in RECIPES.values() for row in option_rows(recipe.config_class()())}


@pytest.mark.parametrize("switch", OPTIONS, ids=lambda s: s.name)
def test_options_exist(switch, known, capsys):
    name = switch.name.replace("-", "_").replace("__", "--", 1)
    if name in known:
        return
    assert main(["reproduce", "--help"]) == 0
    assert f"{switch.name} " in capsys.readouterr().out


@pytest.mark.parametrize("switch", [s for s in OPTIONS if s.values], ids=lambda s: s.name)
def test_options_take_the_values_named(switch):
    """In the first recipe that has the option; and no other than those."""
    recipe = next(r for r in RECIPES.values() if switch.name in dict(option_rows(r.config_class()())))
    parser = ConfigParser(recipe.config_class(), "ghyena train", recipe.name)
    for value in switch.values:
        checked(parser.read([switch.name, value.replace(":F", ":0.5")]))
    with pytest.raises(ValueError, match=r"expected|there is no"):
        checked(parser.read([switch.name, "nonsense"]))


def checked(config: RunConfig):
    """What a run checks before it reads data."""
    check_run_config(config)
    data = getattr(config, "data", None)
    if isinstance(data, AssociativeRecallConfig):
        check_config(data)
    elif isinstance(data, NBodyConfig):
        resolve_config(data)
    elif isinstance(data, RnaConfig):
        check_rna_config(replace(data, **{data.source: "some-file"}))


def test_arguments_exist():
    text = PAGE.read_text()
    named = re.findall(r"`(\w+)\(((?:\w+=\.\.\.(?:, )?)+)\)`", text)
    assert len(named) >= 8
    for name, arguments in named:
        for argument in re.findall(r"(\w+)=", arguments):
            assert argument in inspect.signature(CLASSES[name]).parameters, (name, argument)


def test_values_of_arguments():
    values = {s.name: s.values for s in ARGUMENTS if s.values}
    assert values.pop("SE3Transformer(attention_values=...)") == VALUES
    assert values.pop("GTransformer(attention_scale=...)") == SCALES
    assert values.pop("SE3Hyena(product=...)") == PRODUCTS
    assert not values


def test_every_long_convolution_has_a_norm():
    for name in operators.__all__:
        if name.endswith("_long_conv"):
            assert inspect.signature(getattr(operators, name)).parameters["norm"].default == "length"


def test_defaults_that_the_page_states():
    def default(callable_, *names):
        return [inspect.signature(callable_).parameters[name].default for name in names]

    library = ("vector_channels", "hidden_dim", "blocks", "global_tokens", "radius")
    assert default(MODELS["geometric-hyena"], *library) == [8, 64, 3, 4, 10]
    assert default(FastEGNN, "virtual_nodes", "discrepancy") == [3, 0.5]
    configs = {name: recipe.config_class()() for name, recipe in RECIPES.items()}
    network = {name: config.network for name, config in configs.items()}
    protein = network["protein-md"]
    assert (protein.hidden_dim, protein.blocks, protein.vector_channels) == (48, 2, 16)
    assert (network["rna"].hidden_dim, network["rna"].vector_channels) == (64, 8)
    widths = [network[name].hidden_dim for name in ("recall", "nbody", "tc-ribo")]
    assert widths == [80, 64, 32]
    recall = configs["recall"]
    assert (recall.data.train, recall.data.validation, recall.data.test) == (2600, 200, 200)
    assert (recall.epochs, configs["protein-md"].data.lag) == (40, 5)
    optimizer = RunConfig().optimizer
    assert (optimizer.warmup, optimizer.clip, optimizer.averaging) == (0.05, 1.0, 0.99)


def test_size_of_se3_hyena():
    assert parameter_count(build_model("se3-hyena", 16, 0, {})) == 844_280
    assert "844,280" in PAGE.read_text()
