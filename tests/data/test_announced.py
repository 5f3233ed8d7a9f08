"""Counts in the head of a file that its size does not bear out, found before a library believes them."""

import struct

import pytest

pytest.importorskip("MDAnalysis")

from fuzz.starts import protein_pdb, topology, trajectory
from geometric_hyena.data.protein_md import load_trajectory
from geometric_hyena.data.protein_md.announced import check_announced
from geometric_hyena.data.protein_md.xtc_packing import Packing
from geometric_hyena.errors import InputError


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four frames as XTC and TRR, one as NAMDBIN, and a GRO file; read only."""
    folder = tmp_path_factory.mktemp("announced")
    found = topology(folder, ".gro")
    for suffix in (".xtc", ".trr", ".coor"):
        found |= trajectory(folder, suffix)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", ["adk.xtc", "adk.trr", "adk.coor", "adk.gro"])
def test_whole_files_pass(whole, name):
    check_announced(str(whole / name))


def broken(whole, tmp_path, name, change):
    path = tmp_path / name
    content = bytearray((whole / name).read_bytes())
    path.write_bytes(change(content))
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
        check_announced(str(path))
    return str(caught.value)


def with_word(place, value):
    def change(content):
        content[place : place + 4] = struct.pack(">i", value)
        return bytes(content)

    return change


@pytest.mark.parametrize("name", ["adk.xtc", "adk.trr"])
def test_a_trajectory_cut_off(whole, tmp_path, name):
    assert "frame 3" in broken(whole, tmp_path, name, lambda content: content[:-9])
    assert "frame 0" in broken(whole, tmp_path, name, lambda content: content[:30])


# Atoms of an XTC file, and the bytes of its packed coordinates; atoms and bytes of coordinates of a TRR file.
@pytest.mark.parametrize(("name", "place"), [("adk.xtc", 4), ("adk.xtc", 52), ("adk.xtc", 88)])
@pytest.mark.parametrize("value", [-1, 0, 2**31 - 1])
def test_xtc_counts(whole, tmp_path, name, place, value):
    assert "frame 0" in broken(whole, tmp_path, name, with_word(place, value))


@pytest.mark.parametrize("name", ["adk.xtc", "adk.trr"])
def test_frames_of_another_molecule(whole, tmp_path, name):
    """Readers have room for as many atoms as the first frame has."""
    one = whole / name
    other = datafiles_of_another_size(name)
    path = tmp_path / name
    path.write_bytes(one.read_bytes() + other)
    with pytest.raises(InputError, match="breaks off at frame 4 or is broken there"):
        check_announced(str(path))


def datafiles_of_another_size(name):
    from pathlib import Path

    from MDAnalysisTests import datafiles

    return Path(datafiles.XTC if name.endswith("xtc") else datafiles.TRR).read_bytes()


# Twelve atoms in a box of 2 x 2 x 2 steps: four bits and a flag each, 60 bits.
@pytest.mark.parametrize(
    ("packed", "atoms", "width", "holds"),
    [
        (bytes(8), 12, 9, True),
        (bytes(8), 13, 9, False),  # 65 bits
        (bytes(7), 12, 9, False),
        # The first flag is set, and 31 behind it: ten atoms follow, and ten more in every later group.
        (bytes([0b00001111, 0b11000000]) + bytes(30), 11, 9, True),
        (bytes([0b00001111, 0b11000000]) + bytes(30), 12, 9, False),
        # Behind the flag 0: none follows, and the code of differences is narrower from here on.
        (bytes([0b00001000]) + bytes(8), 12, 10, True),
        (bytes([0b00001000]) + bytes(8), 12, 9, False),
        # Behind it 2: it is wider.
        (bytes([0b00001000, 0b10000000]) + bytes(8), 12, 71, True),
        (bytes([0b00001000, 0b10000000]) + bytes(8), 12, 72, False),
    ],
)
def test_packed_coordinates_are_followed_to_their_end(packed, atoms, width, holds):
    packing = Packing((0, 0, 0), (1, 1, 1), width, len(packed))
    assert packing.possible(atoms)
    assert packing.holds(packed, atoms) == holds


@pytest.mark.parametrize(
    "packing",
    [
        Packing((0, 0, 0), (1, -1, 1), 9, 8),
        Packing((0, -(2**31), 0), (1, 2**31 - 1, 1), 9, 8),  # a range of 2^32, which the decoder takes for 0
        Packing((0, 0, 0), (1, 1, 1), 8, 8),
        Packing((0, 0, 0), (1, 1, 1), 73, 8),
        Packing((0, 0, 0), (1, 1, 1), 9, 0),
        Packing((0, 0, 0), (1, 1, 1), 9, 145),
    ],
)
def test_packings_that_cannot_be(packing):
    assert not packing.possible(12)


@pytest.mark.parametrize("value", [-1, 0, 61, 2**31 - 1])
def test_namdbin_counts(whole, tmp_path, value):
    def change(content):
        return struct.pack("=i", value) + bytes(content[4:])

    assert f"announces {value} atoms" in broken(whole, tmp_path, "adk.coor", change)


@pytest.mark.parametrize("place", [24 + 4 * 7, 24 + 4 * 10])
@pytest.mark.parametrize("value", [-1, 2**31 - 1])
def test_trr_counts(whole, tmp_path, place, value):
    assert "frame 0" in broken(whole, tmp_path, "adk.trr", with_word(place, value))


@pytest.mark.parametrize("said", [b"0", b"-4", b"1e3", b"99999999999999999999", b"", b"x"])
def test_gro_counts(whole, tmp_path, said):
    def change(content):
        head, _, *lines = bytes(content).split(b"\n")
        return b"\n".join([head, said, *lines])

    assert "row 2 announces" in broken(whole, tmp_path, "adk.gro", change)


def test_atoms_farther_away_than_any_molecule_reaches(tmp_path):
    lines = protein_pdb(tmp_path)["adk.pdb"].decode().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("ATOM"))
    lines[place] = lines[place][:30] + "99999999" + lines[place][38:]
    (tmp_path / "far.pdb").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"far\.pdb: frame 0, atom 0 .* beyond 1e\+07 angstrom"):
        load_trajectory(str(tmp_path / "far.pdb"), [], "all")
