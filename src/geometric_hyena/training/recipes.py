"""Recipes by name: configuration, task and prediction of each, imported when asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from geometric_hyena.errors import InputError, shown
from geometric_hyena.training.config import RunConfig
from geometric_hyena.training.task import Task


@dataclass(frozen=True)
class Recipe:
    """Where a recipe's configuration class and task class are, and what it does in a few words."""

    name: str
    summary: str
    module: str
    config: str
    task: str
    predict: str | None = None

    def config_class(self) -> type[RunConfig]:
        """The frozen dataclass that configures it."""
        return getattr(import_module(self.module), self.config)

    def task_class(self) -> type[Task]:
        """The task, built from a configuration."""
        return getattr(import_module(self.module), self.task)

    def predict_function(self) -> Callable[..., list[Path]]:
        """What `ghyena predict` calls: (config, load, files, folder, stride) -> the files written.

        Raises:
            InputError: for a recipe that makes its own data.
        """
        if self.predict is None:
            raise InputError(
                f"predict: the recipe {self.name} makes its data itself and reads no files; "
                f"judge a run of it with ghyena evaluate"
            )
        return getattr(import_module(self.module), self.predict)


def _rna(name: str, summary: str, config: str) -> Recipe:
    return Recipe(name, summary, "geometric_hyena.training.rna", config, "RnaTask", "predict_rna")


RECIPES = {
    recipe.name: recipe
    for recipe in [
        Recipe(
            "protein-md",
            "displacement of every atom some frames ahead, from a molecular dynamics trajectory",
            "geometric_hyena.training.protein_md",
            "ProteinMDRun",
            "ProteinMDTask",
            "predict_protein_md",
        ),
        Recipe(
            "recall",
            "associative recall: the vector that followed the last one where it stood before",
            "geometric_hyena.training.recall",
            "RecallRun",
            "RecallTask",
        ),
        Recipe(
            "nbody",
            "where charged particles are some steps ahead, simulated",
            "geometric_hyena.training.nbody",
            "NBodyRun",
            "NBodyTask",
        ),
        _rna("open-vaccine", "degradation of mRNA along its sequence (Kaggle 2020)", "OpenVaccineRun"),
        _rna("ribonanza", "chemical mapping of RNA by DMS and 2A3 (Kaggle 2023)", "RibonanzaRun"),
        _rna("tc-ribo", "how strongly tetracycline riboswitches switch", "TcRiboRun"),
        _rna("rna", "your own RNA: structures or sequences, labels per nucleotide or molecule", "RnaRun"),
    ]
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        InputError: listing the recipes there are.
    """
    if name not in RECIPES:
        raise InputError(f"recipe: there is no '{shown(name)}'; choose one of: {', '.join(RECIPES)}")
    return RECIPES[name]
