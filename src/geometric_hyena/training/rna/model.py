"""A model with the readout of an RNA recipe."""

from dataclasses import asdict

from geometric_hyena.data.rna import EDGE_FEATURES
from geometric_hyena.data.rna.dataset import scalar_features
from geometric_hyena.data.rna.records import Level
from geometric_hyena.models.readouts import MoleculeReadout, ResidueReadout, SumReadout
from geometric_hyena.models.registry import build_model
from geometric_hyena.training.rna.config import RnaRunConfig
from geometric_hyena.training.task import Predictor


def rna_predictor(config: RnaRunConfig, targets: int, level: Level) -> tuple[Predictor, SumReadout]:
    """A fresh model with T numbers per nucleotide or molecule, and its readout."""
    options = {
        **asdict(config.network),
        "radius": config.data.radius,
        "edge_dim": EDGE_FEATURES,
        "dropout": config.dropout,
    }
    model = build_model(config.model, scalar_features(config.data), 0, options)
    kind = ResidueReadout if level == "nucleotide" else MoleculeReadout
    readout = kind(config.network.hidden_dim, targets, config.dropout)
    return Predictor(model, readout), readout
