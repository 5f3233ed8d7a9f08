"""Sketches: A-form stems, whole chains, nothing on top of anything."""

import numpy as np
import pytest

pytest.importorskip("biotite")

from scipy.spatial import KDTree

from geometric_hyena.data.rna.builder import SKETCH_NOTE, build_sketch, build_sketches
from geometric_hyena.data.rna.builder.a_form import a_form_residue, dyad, screw
from geometric_hyena.data.rna.builder.chain import Chain
from geometric_hyena.data.rna.builder.helices import assign_helices
from geometric_hyena.data.rna.builder.ideal_residues import ideal_residue
from geometric_hyena.data.rna.builder.sketch import wrong_hands
from geometric_hyena.data.rna.representations import pseudotorsions
from geometric_hyena.data.rna.secondary_structure import nested_partners
from geometric_hyena.errors import InputError, WriteError

TRNA = "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA"
CLOVERLEAF = "(((((((..((((........)))).((((.........)))).....(((((.......))))))))))))...."


def bonds(structure):
    before, after = structure.atoms("O3'")[:-1], structure.atoms("P")[1:]
    return np.linalg.norm(structure.coordinates[before] - structure.coordinates[after], axis=1)


def closest(structure):
    """The smallest distance between heavy atoms of nucleotides that are not neighbours; at most 4."""
    heavy = np.flatnonzero(structure.elements != "H")
    pairs = heavy[KDTree(structure.coordinates[heavy]).query_pairs(4.0, output_type="ndarray")]
    pairs = pairs[np.abs(np.diff(structure.residue[pairs], axis=1)[:, 0]) > 1]
    offset = np.diff(structure.coordinates[pairs], axis=1)[:, 0]
    return np.linalg.norm(offset, axis=1).min(initial=4.0)


@pytest.mark.parametrize(
    ("sequence", "structure"),
    [
        (TRNA, CLOVERLEAF),
        ("A", "."),
        ("GC", ".."),
        ("GGGGAAAACCCC", "((((....))))"),
        ("GGGAGAAACCCC", "(((.(...))))"),
        ("GGGAAACCCGGGAAACCC", "(((...)))(((...)))"),
        ("GGGAGGGAAACCCAAACCC", "(((.(((...)))...)))"),
        ("GGGAAAAAAGGGAAACCCAAAAAACCC", "(((......(((...)))......)))"),
        ("ACGUACGUACGUACGUACGUA", "." * 21),
    ],
)
def test_chains_are_whole_and_nothing_overlaps(sequence, structure):
    sketch = build_sketch(sequence, structure)
    assert sketch.sequence == sequence
    assert sketch.sketch
    assert SKETCH_NOTE in sketch.notes
    assert np.isfinite(sketch.coordinates).all()
    if len(sequence) > 1:
        assert bonds(sketch).min() >= 1.2
        assert bonds(sketch).max() <= 2.2
    assert closest(sketch) > 2.0
    assert sketch.chain_ends().tolist() == [False] * (len(sequence) - 1) + [True]


def test_every_atom_of_the_ideal_residues_is_there_once():
    sketch = build_sketch(TRNA[:20], "." * 20)
    for place, letter in enumerate(TRNA[:20]):
        residue = ideal_residue(letter)
        heavy = [n for n, element in zip(residue.names, residue.elements, strict=True) if element != "H"]
        assert sketch.names[sketch.residue == place].tolist() == heavy


def test_hydrogens_are_built_where_asked_for():
    sketch = build_sketch("GGGAAACCC", "(((...)))", hydrogens=True)
    hydrogen = sketch.elements == "H"
    assert hydrogen.sum() > 80
    distance, _ = KDTree(sketch.coordinates[~hydrogen]).query(sketch.coordinates[hydrogen])
    assert distance.min() > 0.8
    assert distance.max() < 1.2


def test_bonds_angles_and_hands_are_those_of_the_ideal_residues():
    sketch, chain = build_sketch(TRNA, CLOVERLEAF), Chain(TRNA)
    strong = chain.weights == 1.0
    first, second = chain.pairs[strong].T
    length = np.linalg.norm(sketch.coordinates[first] - sketch.coordinates[second], axis=1)
    assert np.abs(length - chain.lengths[strong]).max() < 0.15
    assert wrong_hands(chain, sketch.coordinates) == 0
    mirrored = sketch.coordinates * np.array([1, 1, -1])
    assert wrong_hands(chain, mirrored) == 4 * len(TRNA)


def test_stems_are_a_form():
    """Hydrogen bonds of base pairs, and eta and theta of about 170 and 210 degrees (Wadley et al. 2007)."""
    sketch = build_sketch("GGCACGAAAGUGCC", "(((((....)))))")
    angles = np.degrees(pseudotorsions(sketch))[[1, 2, 3]] % 360
    assert np.abs(angles - [170, 211]).max() < 10
    n1, n3 = sketch.atoms("N1"), sketch.atoms("N3")
    for i, j in ((0, 13), (1, 12), (4, 9)):
        purine, pyrimidine = (i, j) if sketch.sequence[i] in "AG" else (j, i)
        offset = sketch.coordinates[n1[purine]] - sketch.coordinates[n3[pyrimidine]]
        assert 2.6 < np.linalg.norm(offset) < 3.2


def test_the_helix_closes_its_own_backbone():
    points = a_form_residue("A")
    residue = ideal_residue("A")
    after = screw(points, 1)
    link = np.linalg.norm(points[residue.place("O3'")] - after[residue.place("P")])
    assert link == pytest.approx(1.607, abs=0.02)
    across = np.linalg.norm(points - dyad(points), axis=1)[residue.place("C1'")]
    assert across == pytest.approx(10.6, abs=0.3)


def test_stems_stack_where_nothing_is_between():
    helices = assign_helices(nested_partners("(((...)))(((...)))"))
    assert helices.count == 1
    assert sorted(set(helices.step[helices.helix >= 0].tolist())) == [-3, -2, -1, 0, 1, 2]
    assert assign_helices(nested_partners("(((...))).(((...)))")).count == 2
    # A bulge and an internal loop do not end a helix; the internal loop's mismatch is part of it.
    assert assign_helices(nested_partners("((.((...))))")).count == 1
    inside = assign_helices(nested_partners("((.((...)).))"))
    assert inside.step[[1, 2, 3]].tolist() == [1, 2, 3]
    assert (inside.helix[[2, 10]] == 0).all()


def test_the_same_input_gives_the_same_atoms():
    first, second = (build_sketch("GGGAAACCC", "(((...)))").coordinates for _ in range(2))
    assert np.array_equal(first, second)


def test_pairs_that_cannot_be_are_opened_and_told():
    sketch = build_sketch("GGAACC", "((..))")
    assert any("left open" in note for note in sketch.notes)
    assert "1 pairs left open" in sketch.notes[1]


@pytest.mark.parametrize(
    ("sequence", "structure", "told"),
    [("GGXA", "....", "A, C, G and U"), ("GGA", "....", "3 nucleotides"), ("", "", "A, C, G and U")],
)
def test_bad_input(sequence, structure, told):
    with pytest.raises(InputError, match=told):
        build_sketch(sequence, structure)


def test_sketches_are_kept_and_broken_ones_built_again(tmp_path, caplog):
    given = (["GGGAAACCC", "ACGUAC"], ["(((...)))", "......"], ["one", "two"])
    first = build_sketches(*given, folder=tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    assert [s.name for s in first] == ["one", "two"]
    assert np.array_equal(first[0].coordinates, build_sketch(given[0][0], given[1][0]).coordinates)
    times = [path.stat().st_mtime_ns for path in files]
    build_sketches(*given, folder=tmp_path)
    assert [path.stat().st_mtime_ns for path in files] == times
    files[0].write_bytes(b"broken")
    again = build_sketches(*given, folder=tmp_path)
    assert all(np.array_equal(a.coordinates, b.coordinates) for a, b in zip(first, again, strict=True))
    assert f"{files[0]}: is damaged" in caplog.text
    build_sketches(*given, folder=tmp_path, hydrogens=True)
    assert len(list(tmp_path.iterdir())) == 4


def test_sketches_that_cannot_be_kept(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="with GHYENA_CACHE"):
        build_sketches(["ACGUAC"], ["......"], ["one"], folder=tmp_path / "file")


@pytest.mark.slow
def test_many_sketches_in_parallel(tmp_path):
    sequences = [f"GGG{'ACGU'[k % 4]}AAACCC{'A' * k}" for k in range(9)]
    structures = ["(((....)))" + "." * k for k in range(9)]
    built = build_sketches(sequences, structures, sequences, folder=tmp_path, processes=2)
    assert [s.sequence for s in built] == sequences
