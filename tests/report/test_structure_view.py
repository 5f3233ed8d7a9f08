import json
import re

import numpy as np
import pytest

from geometric_hyena.errors import InputError
from geometric_hyena.report.atoms import Atoms
from geometric_hyena.report.structure_view import StructureView, ViewFrame
from geometric_hyena.report.superposition import principal_axes, superposing_rotation


def data_of(view):
    (text,) = re.findall(r'application/json">(.*?)</script>', view.html(), re.DOTALL)
    return json.loads(text)


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def test_data_are_short_and_complete():
    positions = np.array([[1.23456, 0, 0], [2, 3, 4.005], [5, 6, 7]])
    scalar = np.array([0.5, np.nan, 1.0])
    frame = ViewFrame("frame 7", positions, {"measured": positions, "predicted": -positions}, scalar)
    data = data_of(StructureView([frame], [[0, 2]], ["a", "b", "c"], scalar_label="error"))
    assert data["frames"][0]["positions"][:4] == [1.23, 0, 0, 2]
    assert data["frames"][0]["scalar"] == [0.5, None, 1]
    assert data["trace"] == [[0, 2]]
    assert [arrow["color"] for arrow in data["arrows"]] == ["--reference", "--model"]


def test_labels_survive_escaping():
    label = "</script><b>&\u2028"
    assert data_of(StructureView([ViewFrame("f", np.zeros((1, 3)))], [[0]], [label]))["labels"] == [label]


def test_six_frames_of_855_atoms_are_small():
    rng = np.random.default_rng(0)
    frames = [
        ViewFrame(
            "f", 20 * rng.normal(size=(855, 3)), {n: rng.normal(size=(855, 3)) for n in ("true", "predicted")}
        )
        for _ in range(6)
    ]
    assert len(StructureView(frames, [range(855)], ["ALA 1 CA"] * 855).html()) < 500_000


@pytest.mark.parametrize(
    ("frame", "trace", "message"),
    [
        (ViewFrame("f", np.zeros((3, 3))), [], "positions of frame 0"),
        (ViewFrame("f", np.zeros((2, 3)), {"true": np.zeros((2, 2))}), [], "true of frame 0"),
        (ViewFrame("f", np.zeros((2, 3)), {}, np.zeros(3)), [], "scalar of frame 0"),
        (ViewFrame("f", np.full((2, 3), np.nan)), [], "not all finite"),
        (ViewFrame("f", np.zeros((2, 3))), [[2]], "trace"),
    ],
)
def test_bad_input_is_named(frame, trace, message):
    with pytest.raises(InputError, match=message):
        StructureView([frame], trace, ["a", "b"])


def test_no_frames_are_refused():
    with pytest.raises(InputError, match="frames is empty"):
        StructureView([], [], [])


@pytest.mark.parametrize("seed", range(5))
def test_principal_axes_keep_handedness(seed):
    positions = np.random.default_rng(seed).normal(size=(50, 3)) * [9, 4, 1] @ rotation(seed).T
    axes = principal_axes(positions)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    extents = ((positions - positions.mean(0)) @ axes.T).std(axis=0)
    assert extents[0] > extents[1] > extents[2]


@pytest.mark.parametrize("seed", range(5))
def test_superposition_undoes_a_rigid_motion(seed):
    reference = np.random.default_rng(seed).normal(size=(20, 3))
    turn = rotation(seed)
    found = superposing_rotation(reference @ turn.T + 5, reference)
    np.testing.assert_allclose(found, turn.T, atol=1e-10)


def test_superposition_never_mirrors():
    reference = np.random.default_rng(0).normal(size=(20, 3))
    assert np.linalg.det(superposing_rotation(-reference, reference)) == pytest.approx(1)


def molecule(names, segids, resids=None):
    resids = np.arange(len(names)) if resids is None else np.asarray(resids)
    return Atoms(resids, np.full(len(names), "G"), np.asarray(segids), np.asarray(names))


def test_traces_break_at_chain_ends_and_gaps():
    atoms = molecule(["CA"] * 6, list("AAAABB"))
    positions = np.array([[0, 0, 0], [3.8, 0, 0], [50, 0, 0], [53.8, 0, 0], [57.6, 0, 0], [61.4, 0, 0.0]])
    assert [t.tolist() for t in atoms.traces(positions)] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("names", "kept"), [("N CA N CA", [1, 3]), ("P C4' P C4'", [1, 3]), ("X X X X", [0, 1, 2, 3])]
)
def test_traces_choose_one_atom_a_residue(names, kept):
    positions = np.arange(12.0).reshape(4, 3)
    assert np.concatenate(molecule(names.split(), ["A"] * 4).traces(positions)).tolist() == kept


def test_residues_are_told_apart_across_chains():
    atoms = molecule(["CA"] * 5, list("AABBB"), [1, 1, 1, 1, 2])
    assert atoms.residue_starts().tolist() == [0, 2, 4]
    assert atoms.mean_per_residue(np.array([1.0, 3, 5, 7, 9])).tolist() == [2, 6, 9]
    assert atoms.labels()[0] == "A G 1 CA"
