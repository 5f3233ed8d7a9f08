"""What the sweeps of the studies share: small recall and small protein dynamics, at equal settings.

Sweeps that train the same configuration share its run, as run directories are named by configuration.
"""

from typing import Any

from geometric_hyena.data.associative_recall import POSITIONAL_FEATURES
from geometric_hyena.data.associative_recall import check_config as check_recall
from geometric_hyena.data.protein_md.config import check_config as check_protein_md
from geometric_hyena.data.protein_md.features import feature_names
from geometric_hyena.reproduce.sweep import Budget, Setting

RECALL: dict[str, Any] = {
    "recipe": "recall",
    "inputs": {"scalar_dim": POSITIONAL_FEATURES, "vector_dim": 1, "edge_dim": 0},
    "check": check_recall,
    "reference": "mean",
    "trivial": ("mean",),
}
PROTEIN_MD: dict[str, Any] = {
    "recipe": "protein-md",
    "inputs": {"scalar_dim": len(feature_names(velocities=True)), "vector_dim": 1, "edge_dim": 0},
    "check": check_protein_md,
    "reference": "no_motion",
    "trivial": ("no_motion", "linear_motion", "atom_mean_displacement"),
}
# Of sweeps that train Geometric Hyena, at any setting for the same cost.
GEOMETRIC_HYENA: dict[str, Any] = {"models": ("geometric-hyena",), "cost": lambda setting: 1.0}

# A larger learning rate and a shorter average than the recipes': the runs are short.
_SHORT = {"learning_rate": 4e-3, "averaging": 0.95}
_SMALL = {"hidden_dim": 32, "vector_channels": 8}
_QUICK_RECALL: dict[str, Any] = {
    "data": {"length": 32, "vocabulary": 3, "train": 800, "validation": 100, "test": 200},
    "batch_size": 16,
    "network": _SMALL,
    "optimizer": _SHORT,
}
_QUICK_PROTEIN: dict[str, Any] = {"data": {"selection": "name CA"}, "network": _SMALL, "optimizer": _SHORT}


def recall_budgets(settings: tuple[Setting, ...]) -> dict[str, Budget]:
    """Budgets of a sweep over associative recall."""
    return {
        "quick": Budget(settings, seeds=1, epochs=10, values=_QUICK_RECALL),
        "paper": Budget(settings, seeds=3, epochs=40),
    }


def protein_budgets(settings: tuple[Setting, ...]) -> dict[str, Budget]:
    """Budgets of a sweep over the dynamics of adenylate kinase."""
    return {
        "quick": Budget(settings, seeds=1, epochs=5, values=_QUICK_PROTEIN),
        "paper": Budget(settings, seeds=3, epochs=15),
    }
