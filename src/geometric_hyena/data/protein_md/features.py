"""Invariant features of atoms: what they are, from their topology alone, for any molecule."""

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.data.protein_md.atoms import AtomTable
from geometric_hyena.data.protein_md.residues import AMINO_ACIDS, NUCLEOTIDES, standard_residue

_ELEMENTS = ("H", "C", "N", "O", "P", "S", "other")
# Backbone roles and their elements: a calcium ion is named CA too.
_ROLES = {"N": "N", "CA": "C", "C": "C", "O": "O", "CB": "C", "other": ""}
_RESIDUES = (*AMINO_ACIDS, *NUCLEOTIDES, "other")
_FLAGS = ("charge", "has_charge", "chain_start", "chain_end")

_NAMES = (
    *(f"element_{name}" for name in _ELEMENTS),
    *(f"role_{name}" for name in _ROLES),
    *(f"residue_{name}" for name in _RESIDUES),
    *_FLAGS,
)
ATOM_FEATURES = len(_NAMES)  # S of `atom_features`


def feature_names(velocities: bool = False) -> list[str]:
    """Names of the scalar features in their order; with `velocities` also that of `speed_feature`."""
    return [*_NAMES, "log_speed"] if velocities else list(_NAMES)


def atom_features(atoms: AtomTable) -> Tensor:
    """Features of atoms, (N, ATOM_FEATURES) float32, in the order of `feature_names`.

    One-hot element, backbone role and residue; partial charge (elementary charges; 0 where the topology has
    none) and whether it is known; whether the atom is the first or the last selected one of its chain.
    """
    count = len(atoms)
    elements = [e if e in _ELEMENTS else "other" for e in atoms.elements]
    roles = [
        name if _ROLES.get(name) == element else "other"
        for name, element in zip(atoms.names, elements, strict=True)
    ]
    residues = [standard_residue(str(name)) or "other" for name in atoms.resnames]
    flags = np.zeros((count, len(_FLAGS)), dtype=np.float32)
    if atoms.charges is not None:
        flags[:, 0] = atoms.charges
        flags[:, 1] = 1
    breaks = atoms.chain_breaks()
    flags[:, 2] = np.concatenate([[True], breaks])
    flags[:, 3] = np.concatenate([breaks, [True]])
    columns = [_one_hot(elements, _ELEMENTS), _one_hot(roles, tuple(_ROLES)), _one_hot(residues, _RESIDUES)]
    return torch.from_numpy(np.concatenate([*columns, flags], axis=1))


def speed_feature(velocities: Tensor) -> Tensor:
    """log(1 + |v|) of displacements per frame (N, 3) in angstrom, (N, 1)."""
    return torch.log1p(velocities.norm(dim=-1, keepdim=True))


def _one_hot(values: list[str], vocabulary: tuple[str, ...]) -> np.ndarray:
    places = {name: i for i, name in enumerate(vocabulary)}
    return np.eye(len(vocabulary), dtype=np.float32)[[places[v] for v in values]]
