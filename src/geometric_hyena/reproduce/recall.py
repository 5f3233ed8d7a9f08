"""Associative recall by length, width and vocabulary (Geometric Hyena, Figure 3; SE(3)-Hyena, Figure 4).

The figures give no numbers in their texts, so none stand beside ours. Epochs, learning rate, weight decay and
sizes of the splits are SE(3)-Hyena's; Geometric Hyena adds the warm-up.
"""

from typing import Any

from geometric_hyena.data.associative_recall import POSITIONAL_FEATURES, check_config
from geometric_hyena.reproduce.sweep import Budget, Sweep

MODELS = (
    "geometric-hyena",
    "se3-hyena",
    "g-transformer",
    "se3-transformer",
    "hyena",
    "transformer",
)
_LENGTH = 128
_HIDDEN, _CHANNELS = 80, 16
_QUICK_LENGTH, _QUICK_TRAIN, _PAPER_TRAIN = 16, 1300, 2600
_QUICK: dict[str, Any] = {"data": {"length": _QUICK_LENGTH, "train": _QUICK_TRAIN}}
_PAPER: dict[str, Any] = {
    "data": {"length": _LENGTH},
    "optimizer": {"learning_rate": 1e-3, "weight_decay": 1e-5, "warmup": 10 / 300},
}
_SHARED: dict[str, Any] = {
    "recipe": "recall",
    "models": MODELS,
    "inputs": {"scalar_dim": POSITIONAL_FEATURES, "vector_dim": 1, "edge_dim": 0},
    "check": check_config,
    "reference": "mean",
    "trivial": ("mean",),
}

LENGTH = Sweep(
    name="recall-length",
    title="Associative recall, random vocabulary of 4, by sequence length",
    axis="sequence length",
    options=lambda length: {"data": {"length": length}},
    cost=lambda length: float(length),
    quick=Budget((16, 32), seeds=1, epochs=10, values=_QUICK, tokens=_QUICK_TRAIN),
    paper=Budget((32, 64, 128, 256, 512, 1024), seeds=3, epochs=300, values=_PAPER, tokens=_PAPER_TRAIN),
    log_axis=True,
    **_SHARED,
)

WIDTH = Sweep(
    name="recall-width",
    title="Associative recall, random vocabulary of 4, by width (factor of all channels)",
    axis="width factor",
    options=lambda factor: {
        "network": {
            "hidden_dim": round(_HIDDEN * factor),
            "vector_channels": max(1, round(_CHANNELS * factor)),
        }
    },
    cost=lambda factor: float(factor),
    quick=Budget((0.5, 1.0), seeds=1, epochs=10, values=_QUICK, tokens=_QUICK_LENGTH * _QUICK_TRAIN),
    paper=Budget((0.25, 0.5, 1.0, 2.0), seeds=3, epochs=300, values=_PAPER, tokens=_LENGTH * _PAPER_TRAIN),
    log_axis=True,
    **_SHARED,
)

VOCABULARY = Sweep(
    name="recall-vocabulary",
    title="Associative recall, random vocabulary, by its size",
    axis="vocabulary size",
    options=lambda size: {"data": {"vocabulary": size}},
    cost=lambda size: 1.0,
    quick=Budget((3, 5), seeds=1, epochs=10, values=_QUICK, tokens=_QUICK_LENGTH * _QUICK_TRAIN),
    paper=Budget((3, 4, 5, 6), seeds=3, epochs=300, values=_PAPER, tokens=_LENGTH * _PAPER_TRAIN),
    **_SHARED,
)
