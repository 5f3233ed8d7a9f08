"""Structures from files: real ones, broken ones, folders and archives."""

import dataclasses
import io
import tarfile
import zipfile

import numpy as np
import pytest

pytest.importorskip("biotite")

from biotite.structure import AtomArray
from biotite.structure.io import pdb, pdbx

from geometric_hyena.data.rna.builder import build_sketch
from geometric_hyena.data.rna.representations import pseudotorsions, tokens
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.data.rna.structure_reader import read_structure
from geometric_hyena.errors import InputError
from real_data import real_file

SEQUENCE, STRUCTURE = "GGGAAACCCU", "(((...)))."


@pytest.fixture(scope="module")
def sketch():
    return build_sketch(SEQUENCE, STRUCTURE)


def array_of(structure, resnames=None, chain="A"):
    atoms = AtomArray(len(structure.names))
    atoms.coord = structure.coordinates.copy()
    atoms.atom_name = structure.names.astype("U6")
    atoms.element = structure.elements.astype("U2")
    atoms.res_name = np.array(resnames or list(structure.sequence))[structure.residue].astype("U5")
    atoms.res_id = structure.numbers[structure.residue]
    atoms.chain_id = np.full(len(atoms), chain)
    atoms.hetero = np.zeros(len(atoms), dtype=bool)
    return atoms


def as_pdb(atoms):
    file, text = pdb.PDBFile(), io.StringIO()
    file.set_structure(atoms)
    file.write(text)
    return text.getvalue().encode()


def as_cif(atoms):
    file, text = pdbx.CIFFile(), io.StringIO()
    pdbx.set_structure(file, atoms)
    file.write(text)
    return text.getvalue().encode()


def as_bcif(atoms):
    file, content = pdbx.BinaryCIFFile(), io.BytesIO()
    pdbx.set_structure(file, atoms)
    file.write(content)
    return content.getvalue()


@pytest.mark.parametrize(("suffix", "write"), [("pdb", as_pdb), ("cif", as_cif), ("bcif", as_bcif)])
def test_formats(suffix, write, sketch):
    found = read_structure(write(array_of(sketch)), f"some.{suffix}")
    assert (found.name, found.sequence) == ("some", SEQUENCE)
    assert np.abs(found.coordinates - sketch.coordinates).max() < 2e-3
    assert found.names.tolist() == sketch.names.tolist()
    assert found.notes == ()
    assert not found.sketch


def test_a_real_riboswitch():
    path = real_file("structures/4gxy.cif")
    found = StructureFiles(path).read("4gxy")
    assert len(found) == 162
    assert set(found.sequence) == set("ACGU")
    notes = "\n".join(found.notes)
    assert "GTP A1 as G" in notes  # at the end of the file, but bonded to the first nucleotide
    assert "CCC A172 as C" in notes
    assert "B1Z" in notes
    assert "chain breaks" in notes
    angles = np.degrees(pseudotorsions(found)) % 360
    # Most nucleotides of any RNA are near A-form.
    assert np.nanmedian(angles[:, 0]) == pytest.approx(169, abs=8)
    assert np.nanmedian(angles[:, 1]) == pytest.approx(213, abs=12)
    assert len(tokens(found, "backbone").atoms) == 3 * 162 - 1  # the triphosphate's P has another name


def test_a_real_file_without_phosphates_and_chain_names():
    found = StructureFiles(real_file("structures/1gid.cif")).read("1gid")
    assert len(found) == 158
    assert any("missing atoms: G 103 P OP1 OP2" in note and "158 in all" in note for note in found.notes)
    assert len(tokens(found, "backbone").atoms) == 2 * 158


def test_old_names_and_names_of_force_fields(sketch):
    atoms = array_of(sketch, [{"G": "RG", "A": "RA", "C": "CYT", "U": "URA"}[x] for x in SEQUENCE])
    old = {"OP1": "O1P", "OP2": "O2P"}
    atoms.atom_name = np.array([old.get(n, n).replace("'", "*") for n in atoms.atom_name])
    found = read_structure(as_pdb(atoms), "old.pdb")
    assert found.sequence == SEQUENCE
    assert {"OP1", "O5'"} <= set(found.names.tolist())
    assert found.notes == ()


def test_modified_nucleotides_count_as_their_parents(sketch):
    found = read_structure(as_pdb(array_of(sketch, [*SEQUENCE[:9], "H2U"])), "modified.pdb")
    assert found.sequence == SEQUENCE
    assert "modified nucleotides: H2U A10 as U" in found.notes


def test_a_modified_nucleotide_at_the_end_of_the_file_is_put_where_it_is_bonded(sketch):
    atoms = array_of(sketch, ["GTP", *SEQUENCE[1:]])
    first = atoms.res_id == 1
    atoms.hetero[first] = True
    found = read_structure(as_pdb(atoms[np.argsort(first, kind="stable")]), "moved.pdb")
    assert found.sequence == SEQUENCE
    assert found.numbers.tolist() == list(range(1, 11))
    far = atoms.copy()
    far.coord[first] += 50
    assert read_structure(as_pdb(far), "ligand.pdb").sequence == SEQUENCE[1:]


def test_missing_atoms_and_breaks_are_told(sketch):
    atoms = array_of(sketch)
    atoms = atoms[~((atoms.res_id == 2) & np.isin(atoms.atom_name, ["P", "N2"])) & (atoms.res_id != 5)]
    found = read_structure(as_pdb(atoms), "gaps.pdb")
    assert found.sequence == "GGGAACCCU"
    assert "missing atoms: G A2 P N2" in found.notes
    assert "chain breaks: after A A4" in found.notes
    assert found.chain_ends().tolist() == [False] * 3 + [True] + [False] * 4 + [True]
    assert np.isnan(pseudotorsions(found)[[3, 4], [1, 0]]).all()
    whole = found.within(SEQUENCE)
    assert whole.sequence == SEQUENCE
    assert (whole.residue != 4).all()
    assert any("1 of 10 nucleotides without atoms: 5" in note for note in whole.notes)


def test_two_chains_stay_apart(sketch):
    other = array_of(sketch, chain="B")
    other.coord = other.coord + np.array([60, 0, 0])
    found = read_structure(as_pdb(array_of(sketch) + other), "two.pdb")
    assert found.sequence == SEQUENCE * 2
    assert found.chain_ends().nonzero()[0].tolist() == [9, 19]


@pytest.mark.parametrize(("first", "place"), [(4, 3), (101, None)])
def test_residue_numbers_say_where_a_piece_of_a_repeat_lies(first, place):
    repeat = "GCAGCAGCAGCAGCAGC"
    piece = build_sketch(repeat[3:], "." * 14)
    piece = dataclasses.replace(piece, numbers=np.arange(first, first + 14))
    if place is None:
        with pytest.raises(InputError, match=r"at nucleotides 1, 4 alike, .* start with 101"):
            piece.within(repeat)
        return
    whole = piece.within(repeat)
    assert set(whole.residue.tolist()) == set(range(place, 17))
    assert whole.numbers.tolist() == list(range(1, 18))
    assert any("without atoms: 1, 2, 3" in note for note in whole.notes)


def test_a_sequence_that_does_not_match_is_told(sketch):
    with pytest.raises(InputError, match="has A at nucleotide 5, the sequence has C"):
        sketch.within("GGGACACCCU")
    with pytest.raises(InputError, match="10 nucleotides, the sequence 12"):
        sketch.within("ACGUACGUACGU")


@pytest.mark.parametrize(
    ("content", "file", "told"),
    [
        (b"", "a.pdb", "a.pdb: is empty"),
        (b"  \n", "a.cif", "a.cif: is empty"),
        (b"no structure", "a.cif", "a.cif: cannot be read"),
        (b"\x00\x01", "a.bcif", "a.bcif: cannot be read"),
        (b"HEADER\nEND\n", "a.pdb", "a.pdb: "),
        (b"x", "a.txt", "a.txt: expected one of .pdb"),
    ],
)
def test_broken_files(content, file, told):
    with pytest.raises(InputError, match=told):
        read_structure(content, file)


def test_truncated_files(sketch):
    content = as_cif(array_of(sketch))
    with pytest.raises(InputError, match=r"cut.cif: cannot be read"):
        read_structure(content[: len(content) * 2 // 3], "cut.cif")
    binary = as_bcif(array_of(sketch))
    with pytest.raises(InputError, match=r"cut.bcif: cannot be read"):
        read_structure(binary[: len(binary) // 2], "cut.bcif")


def test_unknown_residues_and_what_is_no_rna(sketch):
    with pytest.raises(InputError, match="residue QZQ A10 is unknown"):
        read_structure(as_pdb(array_of(sketch, [*SEQUENCE[:9], "QZQ"])), "unknown.pdb")
    with pytest.raises(InputError, match="holds no RNA"):
        read_structure(as_pdb(array_of(sketch, ["ALA"] * 10)), "protein.pdb")
    dna = array_of(sketch, [f"D{x}" for x in SEQUENCE.replace("U", "T")])
    with pytest.raises(InputError, match=r"holds no RNA .10 DNA nucleotides"):
        read_structure(as_pdb(dna[dna.atom_name != "O2'"]), "dna.pdb")


def test_coordinates_that_are_not_finite(sketch):
    atoms = array_of(sketch)
    atoms.coord[3, 0] = np.nan
    with pytest.raises(InputError, match=r"nan\.cif: atom 4"):
        read_structure(as_cif(atoms), "nan.cif")


def test_folders_and_archives(sketch, tmp_path):
    content = as_pdb(array_of(sketch))
    folder = tmp_path / "folder" / "inner"
    folder.mkdir(parents=True)
    (folder / "one.pdb").write_bytes(content)
    (folder / "notes.txt").write_text("no structure")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("deep/one.pdb", content)
        archive.writestr("../../escape.pdb", content)
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        archive.add(folder / "one.pdb", "x/one.pdb")
    for name in ("folder", "all.zip", "all.tar.gz"):
        files = StructureFiles(tmp_path / name)
        assert "one" in files
        assert files.read("one").sequence == SEQUENCE
    assert not (tmp_path.parent / "escape.pdb").exists()
    with pytest.raises(InputError, match="no structure named two"):
        files.read("two")
    (folder.parent / "one.cif").write_bytes(as_cif(array_of(sketch)))
    with pytest.raises(InputError, match="the same name"):
        StructureFiles(tmp_path / "folder")
    with pytest.raises(InputError, match="no such file"):
        StructureFiles(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no structure"):
        StructureFiles(tmp_path / "empty")


def test_a_broken_archive(tmp_path, sketch):
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        for name in ("one.pdb", "two.pdb"):
            info = tarfile.TarInfo(name)
            content = as_pdb(array_of(sketch))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    whole = (tmp_path / "all.tar.gz").read_bytes()
    (tmp_path / "all.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="broken"):
        StructureFiles(tmp_path / "all.tar.gz").read("two")
