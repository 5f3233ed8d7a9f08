"""Features of atoms: what they are, whatever the topology calls them."""

import numpy as np
import pytest
import torch

from geometric_hyena.data.protein_md import ATOM_FEATURES, AtomTable, atom_features, feature_names
from geometric_hyena.data.protein_md.atoms import guess_element
from geometric_hyena.data.protein_md.features import speed_feature
from geometric_hyena.data.protein_md.residues import standard_residue


def table(names, resnames, elements, resids=None, segids=None, charges=None) -> AtomTable:
    count = len(names)
    return AtomTable(
        names=np.array(names, dtype=object),
        resnames=np.array(resnames, dtype=object),
        resids=np.arange(count) if resids is None else np.array(resids),
        segids=np.array(["S"] * count if segids is None else segids, dtype=object),
        elements=np.array(elements, dtype=object),
        indices=np.arange(count),
        charges=charges,
    )


def column(features: torch.Tensor, name: str) -> list[float]:
    return features[:, feature_names().index(name)].tolist()


@pytest.mark.parametrize(
    ("name", "resname", "mass", "element"),
    [
        ("CA", "GLY", None, "C"),
        ("CA", "GLY", 40.08, "C"),
        ("CA", "CA", None, "X"),
        ("CAL", "CAL", 40.08, "X"),
        ("CLA", "CLA", None, "X"),
        ("CL-", "CL", None, "X"),
        ("SOD", "SOD", 22.99, "X"),
        ("1HB2", "HSD", None, "H"),
        ("HB1", "ALA", 3.024, "H"),  # repartitioned mass
        ("CB", "ALA", 5.96, "C"),
        ("SG", "CYX", None, "S"),
        ("SE", "MSE", None, "SE"),
        ("P", "ADE", None, "P"),
        ("O5'", "RA5", None, "O"),
        ("H5'", "DT", None, "H"),
        ("OT1", "ALA", None, "O"),
        ("OW", "SOL", None, "O"),
        ("HW1", "SOL", 1.008, "H"),
        ("MW", "SOL", None, "X"),
        ("P8", "POPC", 30.97, "P"),
        ("S1", "LIG", 32.06, "S"),
    ],
)
def test_elements_are_guessed_carefully(name, resname, mass, element):
    assert guess_element(name, resname, mass) == element


def test_names_of_force_fields():
    assert {standard_residue(n) for n in ("HSD", "HSE", "HSP", "HID", "HIS")} == {"HIS"}
    assert [standard_residue(n) for n in ("ADE", "RC", "DG5", "URA", "T")] == ["A", "C", "G", "U", "T"]
    assert standard_residue("SOL") is None


def test_features_of_adk(adk):
    features = atom_features(adk.atoms)
    assert features.shape == (855, ATOM_FEATURES)
    assert features.dtype == torch.float32
    assert len(feature_names()) == ATOM_FEATURES
    assert feature_names(velocities=True) == [*feature_names(), "log_speed"]
    one_hots = features[:, :-4]
    assert one_hots.sum(dim=1).tolist() == [3.0] * 855
    assert sum(column(features, "element_C")) == sum(column(features, "role_CA")) + sum(
        column(features, "role_C")
    )
    assert sum(column(features, "residue_other")) == 0
    assert sum(column(features, "residue_HIS")) == 4 * 3
    np.testing.assert_allclose(column(features, "charge"), adk.atoms.charges, rtol=1e-6)
    assert column(features, "chain_start") == [1.0] + [0.0] * 854
    assert column(features, "chain_end") == [0.0] * 854 + [1.0]


def test_features_of_any_topology():
    atoms = table(["CA", "CA", "P", "Q"], ["GLY", "CA", "U", "XYZ"], ["C", "X", "P", "X"])
    features = atom_features(atoms)
    assert column(features, "role_CA") == [1, 0, 0, 0]  # calcium has no role
    assert column(features, "element_other") == [0, 1, 0, 1]
    assert column(features, "residue_U") == [0, 0, 1, 0]
    assert column(features, "residue_other") == [0, 1, 0, 1]
    assert column(features, "has_charge") == [0, 0, 0, 0]
    charged = atom_features(table(["CA"], ["GLY"], ["C"], charges=np.array([0.07])))
    assert column(charged, "has_charge") == [1]


def test_chains_begin_where_segments_change_or_numbers_start_again():
    atoms = table(["C"] * 6, ["GLY"] * 6, ["C"] * 6, resids=[1, 2, 1, 2, 3, 4], segids=list("AAAABB"))
    features = atom_features(atoms)
    assert column(features, "chain_start") == [1, 0, 1, 0, 1, 0]
    assert column(features, "chain_end") == [0, 1, 0, 1, 0, 1]


def test_speed_is_invariant_and_finite_at_rest():
    velocities = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(speed_feature(velocities), torch.tensor([[6.0], [6.0], [1.0]]).log())
