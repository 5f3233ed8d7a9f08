"""What a sweep is: a grid of models, settings and seeds, each cell of it one training run."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError, MissingDependencyError
from geometric_hyena.models.registry import MODELS
from geometric_hyena.reproduce.costs import relative_cost
from geometric_hyena.reproduce.matching import matched_network
from geometric_hyena.reproduce.sources import Source, Values
from geometric_hyena.training.config import check_run_config
from geometric_hyena.training.config_parser import ConfigParser
from geometric_hyena.training.recipes import find_recipe

Setting = int | float | str

# Options that change where and how fast a run goes, not what it finds.
_NOT_HASHED = ("out", "threads", "accelerator")


@dataclass(frozen=True)
class Budget:
    """How much of a sweep is run.

    Attributes:
        settings: values of the axis.
        seeds: number of seeds, from 0.
        epochs: epochs of every run, or those of each setting.
        values: options that all runs share.
        source: the data that somebody has to fetch; None: they are generated, or come with a package.
        without: rows that are run when asked for only, each with the reason.
        tokens: tokens of a training epoch where `Sweep.cost` is 1, roughly: it makes sweeps comparable.
    """

    settings: tuple[Setting, ...]
    seeds: int
    epochs: int | Mapping[Setting, int]
    values: Values = field(default_factory=dict)
    source: Source | None = None
    without: Mapping[str, str] = field(default_factory=dict)
    tokens: float = 1000.0

    def epochs_of(self, setting: Setting) -> int:
        """Epochs of the runs of a setting."""
        return self.epochs if isinstance(self.epochs, int) else self.epochs[setting]


@dataclass(frozen=True)
class Published:
    """A number that a paper reports, and its own number for the trivial baseline that ratios are taken to."""

    model: str
    setting: Setting
    value: float
    source: str
    reference: float | None = None


@dataclass(frozen=True)
class Sweep:
    """A table or figure of the papers.

    Attributes:
        name: as the command line knows it.
        title: what it shows.
        recipe: name of the recipe of every cell.
        axis: what the settings are.
        models: rows of the table: names of models, those that are not in MODELS are left out; or of variants.
        options: from a setting to the options that make it.
        inputs: `scalar_dim`, `vector_dim` and `edge_dim` of the recipe's graphs, to count parameters.
        cost: from a setting to the relative cost of an epoch.
        check: of the data section, before anything is run.
        quick: a reduced sweep of minutes.
        paper: the papers' sweep.
        reference: the trivial baseline that ratios are taken to.
        trivial: the trivial baselines of table and figure.
        published: what the papers report.
        log_axis: whether the settings grow by factors.
        metric: of the recipe's metrics the one that tables and figures show.
        variants: options of rows beyond the model's name, or of rows that are not named as a model.
        prepare: called once with every data section before anything is trained, to fill caches.
    """

    name: str
    title: str
    recipe: str
    axis: str
    models: tuple[str, ...]
    options: Callable[[Any], Values]
    inputs: Mapping[str, int]
    cost: Callable[[Any], float]
    check: Callable[[Any], object]
    quick: Budget
    paper: Budget
    reference: str
    trivial: tuple[str, ...]
    published: tuple[Published, ...] = ()
    log_axis: bool = False
    metric: str = "mse"
    variants: Mapping[str, Values] = field(default_factory=dict)
    prepare: Callable[[Any], object] | None = None

    def row(self, name: str) -> Values:
        """Options of the row of that name, its model among them."""
        return {"model": name, **self.variants.get(name, {})}

    def budget(self, name: str) -> Budget:
        """The budget of that name.

        Raises:
            InputError: where it is neither quick nor paper.
        """
        if name not in ("quick", "paper"):
            raise InputError(f"--budget: expected quick or paper, got '{name}'")
        return self.quick if name == "quick" else self.paper


@dataclass(frozen=True, eq=False)
class Cell:
    """One training run of a sweep.

    Attributes:
        model: its row: the name of its model, or of a variant.
        setting: its place on the axis.
        seed: its seed.
        config: its resolved configuration.
        name: of its run directory: the model, and a hash of recipe and configuration.
        cost: relative to other cells.
    """

    model: str
    setting: Setting
    seed: int
    config: Any
    name: str
    cost: float


def make_cells(
    sweep: Sweep, budget: Budget, models: Sequence[str], *, lacking: dict[str, str] | None = None
) -> list[Cell]:
    """All cells of a sweep, their options checked; all models have the parameters of Geometric Hyena.

    Args:
        sweep: the sweep.
        budget: how much of it.
        models: its rows.
        lacking: takes the rows that are left out because a package is not installed, with the reasons.

    Raises:
        InputError: where an option cannot be used.
        MissingDependencyError: where a package is not installed and `lacking` is None.
    """
    cells = []
    for setting in budget.settings:
        shared = merged(budget.values, sweep.options(setting), {"epochs": budget.epochs_of(setting)})
        reference = dataclasses.asdict(configuration(sweep.recipe, shared).network)
        for model in models:
            row = sweep.row(model)
            try:
                network = matched_network(row["model"], reference, sweep.inputs)
            except MissingDependencyError as error:
                if lacking is None:
                    raise
                lacking[model] = str(error)
                continue
            for seed in range(budget.seeds):
                values = merged(shared, {"network": network, "seed": seed}, row)
                config = configuration(sweep.recipe, values)
                check_run_config(config)
                sweep.check(config.data)
                cost = sweep.cost(setting) * budget.tokens * config.epochs * relative_cost(config.model)
                cells.append(Cell(model, setting, seed, config, _run_name(sweep.recipe, config), cost))
    return cells


def configuration(recipe: str, values: Values) -> Any:
    """The typed configuration of a recipe with these options."""
    return ConfigParser(find_recipe(recipe).config_class(), f"ghyena train {recipe}").read_values(values)


def merged(*parts: Values) -> dict[str, Any]:
    """Nested options joined; later ones win."""
    joined: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            both = isinstance(value, Mapping) and isinstance(joined.get(name), Mapping)
            joined[name] = merged(joined[name], value) if both else value
    return joined


def registered(sweep: Sweep, rows: Sequence[str]) -> tuple[list[str], list[str]]:
    """Rows whose model can be built here, and those whose model cannot."""
    known = {row: sweep.row(row)["model"] in MODELS for row in rows}
    return [row for row in rows if known[row]], [row for row in rows if not known[row]]


def _run_name(recipe: str, config: Any) -> str:
    values = {k: v for k, v in dataclasses.asdict(config).items() if k not in _NOT_HASHED}
    values["data"] = {k: _content(v) for k, v in values["data"].items()}
    text = json.dumps({"recipe": recipe, **values}, sort_keys=True)
    return f"{config.model}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _content(value: Any) -> Any:
    """What stands for an option of the data: of a file that was fetched its checksum, wherever it lies."""
    if isinstance(value, list):
        return [_content(entry) for entry in value]
    is_file = isinstance(value, str) and Path(value).is_absolute() and Path(value).is_file()
    return _checksum(value) if is_file else value


@functools.cache
def _checksum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
