"""Counts in the head of a file that its size does not bear out, found before a library believes them."""

import struct

import pytest

pytest.importorskip("MDAnalysis")

from fuzz.starts import protein_pdb, topology, trajectory
from geometric_hyena.data.protein_md import load_trajectory
from geometric_hyena.data.protein_md.announced import check_announced
from geometric_hyena.errors import InputError


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four frames as XTC and TRR, and a GRO file; read only."""
    folder = tmp_path_factory.mktemp("announced")
    found = {**trajectory(folder, ".xtc"), **trajectory(folder, ".trr"), **topology(folder, ".gro")}
    for name, content in found.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", ["adk.xtc", "adk.trr", "adk.gro"])
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
