"""Protein molecular dynamics: predict the displacement of every selected atom some frames ahead."""

from geometric_hyena.data.protein_md.adk_equilibrium import download_adk_equilibrium
from geometric_hyena.data.protein_md.atoms import AtomTable
from geometric_hyena.data.protein_md.config import ProteinMDConfig
from geometric_hyena.data.protein_md.dataset import (
    FrameDataset,
    ProteinMDData,
    Sample,
    frames_for_prediction,
    load_protein_md,
)
from geometric_hyena.data.protein_md.features import ATOM_FEATURES, atom_features, feature_names
from geometric_hyena.data.protein_md.trajectory import Trajectory, load_trajectory

__all__ = [
    "ATOM_FEATURES",
    "AtomTable",
    "FrameDataset",
    "ProteinMDConfig",
    "ProteinMDData",
    "Sample",
    "Trajectory",
    "atom_features",
    "download_adk_equilibrium",
    "feature_names",
    "frames_for_prediction",
    "load_protein_md",
    "load_trajectory",
]
