"""Reading trajectories, and what is said of those that cannot be read."""

import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

from geometric_hyena.data.protein_md import load_trajectory
from geometric_hyena.errors import InputError

DATA = Path(pytest.importorskip("MDAnalysisTests.datafiles").PSF).parent


def refusal(*arguments) -> str:
    with pytest.raises(InputError) as caught:
        load_trajectory(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_adk_has_the_atoms_and_frames_it_is_known_for(adk, adk_files):
    assert adk.coordinates.shape == (98, 855, 3)
    assert adk.coordinates.dtype == np.float32
    assert adk.timestep == pytest.approx(1.0, rel=1e-3)
    assert adk.source == "adk_dims.dcd"
    assert load_trajectory(adk_files[0], [adk_files[2]], "backbone").coordinates.shape == (102, 855, 3)


def test_coordinates_are_those_of_mdanalysis(adk, adk_files):
    import MDAnalysis

    universe = MDAnalysis.Universe(*adk_files[:2])
    group = universe.select_atoms("backbone")
    for frame in (0, 41, 97):
        universe.trajectory[frame]
        np.testing.assert_array_equal(adk.coordinates[frame], group.positions)
    np.testing.assert_array_equal(adk.atoms.indices, group.indices)


def test_atoms_of_a_psf(adk):
    atoms = adk.atoms
    assert list(atoms.names[:4]) == ["N", "CA", "C", "O"]
    assert list(atoms.elements[:4]) == ["N", "C", "C", "O"]
    assert set(atoms.elements) == {"N", "C", "O"}
    assert atoms.charges is not None
    assert atoms.charges[0] == pytest.approx(-0.3)
    assert atoms.masses is not None
    assert atoms.chain_ids is None
    assert atoms.label(1) == "atom 4 (CA of MET 1)"


def test_files_are_read_one_after_the_other(adk, adk_files):
    both = load_trajectory(adk_files[0], list(adk_files[1:]), "name CA")
    assert both.coordinates.shape == (200, 214, 3)
    np.testing.assert_array_equal(both.coordinates[:98], adk.coordinates[:, adk.atoms.names == "CA"])


def test_a_structure_is_one_frame(adk, adk_pdb):
    structure = load_trajectory(adk_pdb, [], "backbone")
    assert structure.coordinates.shape == (1, 855, 3)
    np.testing.assert_allclose(structure.coordinates[0], adk.coordinates[0], atol=1e-3)
    assert list(structure.atoms.elements) == list(adk.atoms.elements)
    assert structure.atoms.charges is None
    assert structure.atoms.masses is None  # guessed masses are not passed off as the file's
    assert structure.timestep is None


def test_gro_and_xtc():
    structure = load_trajectory(str(DATA / "adk_oplsaa.gro"), [], "backbone")
    assert structure.coordinates.shape == (1, 855, 3)
    trajectory = load_trajectory(str(DATA / "adk_oplsaa.gro"), [str(DATA / "adk_oplsaa.xtc")], "backbone")
    assert trajectory.coordinates.shape == (10, 855, 3)
    assert trajectory.timestep == pytest.approx(100.0)


def test_mmcif():
    pytest.importorskip("biotite")
    structure = load_trajectory(str(DATA / "mmcif" / "1YJP.cif"), [], "backbone")
    assert list(structure.atoms.resnames[::4]) == ["GLY", "ASN", "ASN", "GLN", "GLN", "ASN", "TYR"]
    assert list(structure.atoms.elements[:4]) == ["N", "C", "C", "O"]
    assert structure.timestep is None


def test_of_alternative_locations_the_first_is_kept(tmp_path):
    line = "ATOM  {:5d}  {:3s}{:1s}GLY A   1    {:8.3f}{:8.3f}{:8.3f}  0.50  0.00           {}\n"
    atoms = [("N", " ", 0.0), ("CA", "A", 1.0), ("CA", "B", 2.0), ("C", " ", 3.0), ("O", " ", 4.0)]
    path = tmp_path / "two.pdb"
    path.write_text("".join(line.format(i + 1, n, a, x, 0, 0, n[0]) for i, (n, a, x) in enumerate(atoms)))
    structure = load_trajectory(str(path), [], "backbone")
    assert structure.coordinates[0, :, 0].tolist() == [0.0, 1.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("topology", "files", "words"),
    [
        ("nowhere.psf", [], "no such file"),
        ("PSF", ["nowhere.dcd"], "nowhere.dcd: no such file"),
        ("PSF", ["."], "is a directory"),
        ("PSF", [], "holds no coordinates"),
        ("broken.xtc", [], "is a trajectory, which names no atoms"),
        ("notes.txt", [], "unknown topology format '.txt'"),
        ("PSF", ["notes.txt"], "unknown trajectory format '.txt'"),
        *[(f"broken.{suffix}", [], "cannot be read as") for suffix in ("psf", "pdb", "gro", "cif")],
        *[
            ("PSF", [f"broken.{suffix}"], "cannot be read as a trajectory")
            for suffix in ("xtc", "trr", "nc", "pdb")
        ],
        ("PSF", ["broken.dcd"], "is no DCD file or breaks off in its header"),
        ("PSF", ["empty.dcd"], "is empty"),
    ],
)
def test_unreadable_files_are_named(adk_files, tmp_path, topology, files, words):
    for name in (
        "notes.txt",
        *(f"broken.{s}" for s in ("psf", "pdb", "gro", "cif", "xtc", "trr", "nc", "dcd")),
    ):
        (tmp_path / name).write_text("not a molecule\n" * 20)
    (tmp_path / "empty.dcd").touch()
    topology = adk_files[0] if topology == "PSF" else str(tmp_path / topology)
    text = refusal(topology, [str(tmp_path / f) for f in files], "backbone")
    assert words in text
    assert text.startswith(str(tmp_path / files[0]) if files else topology)


def test_another_molecules_trajectory(adk_files):
    gro, xtc = str(DATA / "adk_oplsaa.gro"), str(DATA / "adk_oplsaa.xtc")
    for topology, path, counts in (
        (gro, adk_files[1], ("3341", "47681")),
        (adk_files[0], xtc, ("47681", "3341")),
    ):
        text = refusal(topology, [path], "backbone")
        assert text.startswith(f"{path}: has {counts[0]} atoms but the topology {topology} has {counts[1]}")


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("resname FOO", "selects none of the 3341 atoms"),
        ("", "selects none"),
        ("backbne", "Unknown selection token"),
        ("resid (", "cannot be applied"),
        ("chainID A", "cannot be applied"),  # a PSF has no chains
    ],
)
def test_selections_that_do_not_select(adk_files, selection, words):
    text = refusal(adk_files[0], [adk_files[1]], selection)
    assert text.startswith(f"data.selection: '{selection}'")
    assert words in text
    assert adk_files[0] in text


HEADER, FRAME = 356, 3 * (4 * 3341 + 8)  # bytes; 98 frames of the same size follow the header


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (2, "breaks off in its header"),
        (150, "breaks off in its header"),
        (HEADER, "holds no whole frame"),
        (HEADER + 10, "holds no whole frame"),
        (HEADER + FRAME - 1, "holds no whole frame"),
        (HEADER + FRAME + 100, "breaks off inside frame 1 "),
        (1_965_862, "breaks off inside frame 48 (48 whole frames before it)"),
        (-1, "breaks off inside frame 97 "),
        (-FRAME + 1, "breaks off inside frame 97 "),
        (-FRAME - 1, "breaks off inside frame 96 "),
    ],
)
def test_cut_dcd(adk_files, tmp_path, size, words):
    path = tmp_path / "cut.dcd"
    path.write_bytes(Path(adk_files[1]).read_bytes()[:size])
    text = refusal(adk_files[0], [str(path)], "backbone")
    assert text.startswith(f"{path}: ")
    assert words in text


def test_dcd_cut_between_frames_is_a_shorter_trajectory(adk, adk_files, tmp_path):
    # Nothing in the file tells the two apart: this simulation stopped at 98 of the 500 frames of its header.
    path = tmp_path / "short.dcd"
    path.write_bytes(Path(adk_files[1]).read_bytes()[: -10 * FRAME])
    short = load_trajectory(adk_files[0], [str(path)], "backbone")
    np.testing.assert_array_equal(short.coordinates, adk.coordinates[:88])


def test_damaged_dcd_names_the_frame(adk_files, tmp_path):
    data = bytearray(Path(adk_files[1]).read_bytes())
    start = len(data) - 10 * FRAME
    data[start : start + 4] = struct.pack("<i", 7)  # the record's length, of frame 88
    path = tmp_path / "damaged.dcd"
    path.write_bytes(data)
    assert f"{path}: breaks off at frame 88 of the 98" in refusal(adk_files[0], [str(path)], "backbone")


def test_cut_xtc_names_the_frame(tmp_path):
    path = tmp_path / "cut.xtc"
    data = (DATA / "adk_oplsaa.xtc").read_bytes()
    path.write_bytes(data[: len(data) // 2 + 10])
    text = refusal(str(DATA / "adk_oplsaa.gro"), [str(path)], "backbone")
    assert re.search(r"cut\.xtc: breaks off at frame \d ", text)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coordinates_that_are_not_finite(adk_files, tmp_path, value):
    import MDAnalysis

    path = str(tmp_path / "bad.dcd")
    universe = MDAnalysis.Universe(*adk_files[:2])
    alpha = universe.select_atoms("resid 55 and name CA")
    with MDAnalysis.Writer(path, len(universe.atoms)) as writer, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No dimensions set")
        for step in universe.trajectory[:20]:
            if step.frame == 17:
                step.positions[alpha.indices[0], 1] = value
            writer.write(universe.atoms)
    text = refusal(adk_files[0], [path], "backbone")
    place = f"frame 17, atom {alpha.indices[0]} (CA of {alpha.resnames[0]} 55)"
    assert text.startswith(f"{path}: {place} has a coordinate that is not finite")
    # What is not selected does not matter.
    assert len(load_trajectory(adk_files[0], [path], "backbone and not resid 55")) == 20


def test_mdanalysis_is_imported_in_one_file_when_needed():
    import geometric_hyena.data

    lines = {
        (path.name, line)
        for path in Path(geometric_hyena.data.__file__).parent.rglob("*.py")
        for line in path.read_text().splitlines()
        if re.match(r"\s*(from|import) MDAnalysis", line)
    }
    assert {name for name, _ in lines} == {"mdanalysis_reader.py"}
    assert all(line.startswith("    ") for _, line in lines)
