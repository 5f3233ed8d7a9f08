"""`ghyena predict`: predictions with the atom they belong to, the same as the library's."""

import csv
import shutil
import warnings

import MDAnalysis
import numpy as np
import pytest
import torch

from geometric_hyena.data.protein_md import frames_for_prediction
from geometric_hyena.geometry.graph import collate
from geometric_hyena.geometry.rotations import random_rotation
from geometric_hyena.training.protein_md import protein_md_predictor
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.trained_run import load_predictor, read_run
from training.small_runs import SELECTION, ghyena

COLUMNS = ["frame", "atom", "name", "resname", "resid", "segid", *("x", "y", "z", "dx", "dy", "dz"), "length"]
FRAMES = [1, 21, 41, 61, 81]


def read_csv(folder) -> list[dict[str, str]]:
    with open(folder / "displacements.csv", newline="") as file:
        return list(csv.DictReader(file))


def vectors(rows, *names) -> np.ndarray:
    """(F, N, 3) of a table with 60 atoms a frame."""
    return np.array([[float(row[name]) for name in names] for row in rows]).reshape(-1, 60, 3)


def predict(run, out, *words) -> list[dict[str, str]]:
    assert ghyena("predict", run, *words, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["displacements.csv", "predicted.pdb"]
    return read_csv(out)


@pytest.fixture(scope="module")
def adk():
    datafiles = pytest.importorskip("MDAnalysisTests.datafiles")
    return datafiles.PSF, datafiles.DCD


@pytest.fixture(scope="module")
def adk_universe(adk):
    return MDAnalysis.Universe(*adk)


@pytest.fixture(scope="module")
def predicted(moving_run, adk, tmp_path_factory):
    """Folder of predictions for every 20th frame of a whole protein."""
    folder = tmp_path_factory.mktemp("predicted") / "new" / "folder"
    predict(moving_run, folder, *adk, "--stride", "20")
    return folder


def test_one_row_per_frame_and_atom(predicted):
    rows = read_csv(predicted)
    assert list(rows[0]) == COLUMNS
    assert [int(row["frame"]) for row in rows] == [frame for frame in FRAMES for _ in range(60)]


def test_rows_name_the_atoms_of_the_topology(predicted, adk_universe):
    group = adk_universe.select_atoms(SELECTION)
    expected = zip(group.indices, group.names, group.resnames, group.resids, group.segids, strict=True)
    expected = [tuple(map(str, atom)) for atom in expected]
    rows = [tuple(row[name] for name in COLUMNS[1:6]) for row in read_csv(predicted)]
    assert rows == expected * len(FRAMES)


def test_positions_are_those_of_the_trajectory(predicted, adk_universe):
    found = vectors(read_csv(predicted), "x", "y", "z")
    group = adk_universe.select_atoms(SELECTION)
    for number, frame in enumerate(FRAMES):
        adk_universe.trajectory[frame]
        np.testing.assert_allclose(found[number], group.positions, atol=1e-4)


def test_numbers_are_the_predictions_of_the_model(predicted, moving_run, adk):
    run = RunDirectory(moving_run)
    _, config = read_run(run)
    samples, atoms, frames = frames_for_prediction(config.data, adk[0], adk[1:])
    predictor = load_predictor(protein_md_predictor(config, samples), run).cpu()
    found = vectors(read_csv(predicted), "dx", "dy", "dz")
    assert len(atoms) == 60
    for number, frame in enumerate(FRAMES):
        with torch.no_grad():  # one at a time: what lies in the same batch has no say
            alone = predictor(collate([samples[frames.index(frame)].graph]))
        np.testing.assert_allclose(found[number], alone.numpy(), atol=1e-4)
    assert np.abs(found).max() > 0.01  # something is predicted at all


def test_length_is_that_of_the_displacement(predicted):
    rows = read_csv(predicted)
    lengths = np.array([float(row["length"]) for row in rows])
    moves = vectors(rows, "dx", "dy", "dz").reshape(-1, 3)
    np.testing.assert_allclose(lengths, np.linalg.norm(moves, axis=1), atol=2e-4)


def test_structures_are_read_back_by_a_viewers_library(predicted):
    rows = read_csv(predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a PDB without elements, box or chains lacks
        universe = MDAnalysis.Universe(str(predicted / "predicted.pdb"))
        assert len(universe.atoms) == 60
        assert len(universe.trajectory) == len(FRAMES)
        positions = np.array([universe.atoms.positions for _ in universe.trajectory])
    assert list(universe.atoms.names) == [row["name"] for row in rows[:60]]
    assert list(universe.residues.resids) == list(range(1, 61))
    moves = vectors(rows, "dx", "dy", "dz")
    np.testing.assert_allclose(positions, vectors(rows, "x", "y", "z") + moves, atol=1e-3)
    mean = np.linalg.norm(moves, axis=-1).mean(axis=0)
    np.testing.assert_allclose(universe.atoms.tempfactors, mean, atol=0.006)


def test_a_moved_trajectory_gives_turned_displacements(moving_run, files, tmp_path, dcd_writer):
    turn = random_rotation(torch.Generator().manual_seed(0)).numpy()
    moved = dcd_writer(tmp_path / "moved.dcd", files.coordinates @ turn.T + np.array([5.0, -3.0, 8.0]))
    lying = predict(moving_run, tmp_path / "a", files.topology, files.trajectory, "--stride", "7")
    standing = predict(moving_run, tmp_path / "b", files.topology, moved, "--stride", "7")
    assert [row["frame"] for row in lying] == [row["frame"] for row in standing]
    before, after = (vectors(rows, "dx", "dy", "dz") for rows in (lying, standing))
    assert np.abs(before).max() > 0.01
    np.testing.assert_allclose(after, before @ turn.T, atol=1e-3)


def test_frames_of_several_trajectories_are_counted_on(moving_run, files, tmp_path):
    """Of the first frame of each no velocity is known."""
    rows = predict(moving_run, tmp_path / "out", files.topology, files.trajectory, files.other)
    assert [int(row["frame"]) for row in rows[::60]] == [*range(1, 30), *range(31, 55)]


def test_a_memory_budget_changes_no_number(moving_run, files, tmp_path):
    words = files.topology, files.trajectory, "--stride", "9"
    expected = predict(moving_run, tmp_path / "a", *words)
    found = predict(moving_run, tmp_path / "b", *words, "--memory", "16GiB")
    moves = [vectors(rows, "dx", "dy", "dz") for rows in (found, expected)]
    np.testing.assert_allclose(*moves, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "told"), [("much", "--memory: expected a size"), ("1MiB", "memory: 1 MiB are")]
)
def test_a_budget_that_cannot_be_met_writes_nothing(moving_run, files, tmp_path, capsys, size, told):
    out = tmp_path / "out"
    words = files.topology, files.trajectory, "--memory", size
    assert ghyena("predict", moving_run, *words, "--out", out) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_a_stride_beyond_the_end_leaves_one_frame(moving_run, files, tmp_path):
    rows = predict(moving_run, tmp_path / "out", files.topology, files.trajectory, "--stride=1000")
    assert {row["frame"] for row in rows} == {"1"}


def test_by_default_beside_the_files_of_the_run(still_run, files, tmp_path, capsys):
    run = shutil.copytree(still_run, tmp_path / "run")
    assert ghyena("predict", run, files.topology) == 0
    made = run / "predictions-small"
    assert capsys.readouterr().out.split() == [
        str(made / "displacements.csv"),
        str(made / "predicted.pdb"),
    ]
    assert len(read_csv(made)) == 60


def test_predictions_are_written_over(still_run, files, tmp_path):
    first = predict(still_run, tmp_path, files.topology, files.trajectory)
    second = predict(still_run, tmp_path, files.topology)
    assert len(first) == 30 * 60
    assert len(second) == 60


def test_names_too_long_for_pdb_go_into_mmcif_and_take_the_place_of_an_earlier_prediction(
    still_run, files, tmp_path
):
    """GROMACS' names of protonated residues have four letters."""
    from biotite.structure.io import pdbx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe = MDAnalysis.Universe(files.topology)
        universe.atoms.residues[1].resname = "CYS2"
        universe.atoms.write(str(tmp_path / "named.gro"))
    predict(still_run, tmp_path / "out", files.topology)
    assert ghyena("predict", still_run, tmp_path / "named.gro", "--out", tmp_path / "out") == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["displacements.csv", "predicted.cif"]
    file = pdbx.CIFFile.read(str(tmp_path / "out" / "predicted.cif"))
    structure = pdbx.get_structure(file, model=1, extra_fields=["b_factor"])
    assert structure.res_name[1] == "CYS2"
    moves = vectors(read_csv(tmp_path / "out"), "dx", "dy", "dz")
    np.testing.assert_allclose(structure.b_factor, np.linalg.norm(moves[0], axis=1), atol=1e-2)


@pytest.fixture
def cif(files, tmp_path):
    from biotite.structure.io import pdb, pdbx

    structure = pdb.PDBFile.read(files.topology).get_structure(model=1)
    file = pdbx.CIFFile()
    pdbx.set_structure(file, structure)
    file.write(str(tmp_path / "one.cif"))
    return str(tmp_path / "one.cif")


def test_a_model_without_velocities_takes_one_structure(still_run, files, cif, tmp_path):
    frames = predict(still_run, tmp_path / "frames", files.topology, files.trajectory, "--stride", "100")
    from_pdb = predict(still_run, tmp_path / "pdb", files.topology)
    from_cif = predict(still_run, tmp_path / "cif", cif)
    assert len(frames) == len(from_pdb) == len(from_cif) == 60
    assert {row["frame"] for row in from_pdb} == {"0"}
    expected = vectors(frames, "dx", "dy", "dz")
    assert np.abs(expected).max() > 0.01
    # coordinates of a PDB have three decimals
    np.testing.assert_allclose(vectors(from_pdb, "dx", "dy", "dz"), expected, atol=5e-3)
    np.testing.assert_allclose(vectors(from_cif, "dx", "dy", "dz"), expected, atol=5e-3)
    identity = ("atom", "name", "resname", "resid")
    assert [[row[key] for key in identity] for row in from_cif] == [
        [row[key] for key in identity] for row in from_pdb
    ]
