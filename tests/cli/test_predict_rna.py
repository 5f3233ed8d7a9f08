"""`ghyena predict` with an RNA run: structures and sequences to tables and a page to look at."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("biotite")
pytest.importorskip("RNA")

from data.rna.test_structures import array_of, as_pdb
from geometric_hyena.data.rna import SKETCH_NOTE, build_sketch
from geometric_hyena.data.rna.fasta import FastaRecord, read_fasta, write_fasta
from geometric_hyena.data.rna.prediction_inputs import read_inputs
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import random_rotation
from geometric_hyena.report.numbers import format_number
from real_data import real_file
from training.small_rna import molecule_table, trained
from training.small_runs import ghyena

pytestmark = pytest.mark.usefixtures("rna_cache")

SEQUENCE, BRACKETS = "GGGGAAACCCCA", "((((...))))."


@pytest.fixture(scope="module")
def run(tmp_path_factory, nucleotide_labels):
    return trained(tmp_path_factory.mktemp("predict-rna") / "run", nucleotide_labels)


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "new.fasta"
    path.write_text(f">folded a hairpin\nGGGGAA\naccccT\n>given\n{SEQUENCE}\n{BRACKETS} (-3.2)\n")
    return path


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def predict(run, out, *files):
    assert ghyena("predict", run, *files, "--out", out) == 0
    return rows_of(out / "molecules.csv")


def test_sequences_get_sketches_that_say_so(run, fasta, tmp_path, capsys):
    molecules = predict(run, tmp_path / "out", fasta)
    names = ["nucleotides.csv", "molecules.csv", "report.html"]
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / name) for name in names]
    assert [row["id"] for row in molecules] == ["folded", "given"]
    assert {row["atoms"] for row in molecules} == {"sketch"}
    assert all(SKETCH_NOTE in row["notes"] for row in molecules)
    assert "T read as U" in molecules[0]["notes"]
    assert molecules[0]["sequence"] == "GGGGAAACCCCU"
    assert molecules[1]["structure"] == BRACKETS
    text = (tmp_path / "out" / "report.html").read_text()
    assert f"2 of 2 structures: {SKETCH_NOTE}" in text
    assert text.count('class="structure-view"') == 2
    assert text.count('role="img"') == 2  # the profiles


def test_rows_are_nucleotides_with_their_partners(run, fasta, tmp_path):
    molecules = predict(run, tmp_path / "out", fasta)
    rows = [row for row in rows_of(tmp_path / "out" / "nucleotides.csv") if row["id"] == "given"]
    assert [row["nucleotide"] for row in rows] == list(SEQUENCE)
    assert [row["structure"] for row in rows] == list(BRACKETS)
    assert [row["loop"] for row in rows] == list("SSSSHHHSSSSE")
    assert [row["partner"] for row in rows] == ["11", "10", "9", "8", "", "", "", "4", "3", "2", "1", ""]
    values = np.array([[float(row[name]) for name in ("open", "noise")] for row in rows])
    means = [float(molecules[1][f"mean_{name}"]) for name in ("open", "noise")]
    np.testing.assert_allclose(values.mean(axis=0), means, atol=1e-5)
    assert np.ptp(values[:, 0]) > 0


def test_a_structure_and_the_same_moved(run, tmp_path):
    sketch = build_sketch(SEQUENCE, BRACKETS)
    turn = random_rotation(torch.Generator().manual_seed(0)).numpy()
    moved = replace(sketch, coordinates=(sketch.coordinates @ turn.T + 9).astype(np.float32))
    files = []
    for name, structure in (("lying", sketch), ("standing", moved)):
        files.append(tmp_path / f"{name}.pdb")
        files[-1].write_bytes(as_pdb(array_of(structure)))
    molecules = predict(run, tmp_path / "out", *files)
    assert {row["atoms"] for row in molecules} == {"file"}
    rows = rows_of(tmp_path / "out" / "nucleotides.csv")
    one, other = (np.array([float(r["open"]) for r in rows if r["id"] == n]) for n in ("lying", "standing"))
    np.testing.assert_allclose(one, other, atol=2e-3)  # a PDB has three decimals
    assert SKETCH_NOTE not in (tmp_path / "out" / "report.html").read_text()


def test_a_real_structure(run, tmp_path):
    molecules = predict(run, tmp_path / "out", real_file("structures/4gxy.cif"))
    assert molecules[0]["length"] == "162"
    assert "GTP A1 as G" in molecules[0]["notes"]
    assert "folded by ViennaRNA" in molecules[0]["notes"]
    rows = rows_of(tmp_path / "out" / "nucleotides.csv")
    assert [int(row["position"]) for row in rows] == list(range(1, 163))
    assert rows[-1]["number"] == "172"
    assert all(np.isfinite(float(row["open"])) for row in rows)


def test_a_run_per_molecule_writes_one_number_each(fasta, tmp_path):
    run = trained(tmp_path / "run", molecule_table(tmp_path / "labels.csv"))
    molecules = predict(run, tmp_path / "out", fasta)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["molecules.csv", "report.html"]
    assert all(np.isfinite(float(row["size"])) for row in molecules)
    text = (tmp_path / "out" / "report.html").read_text()
    assert all(f"<dd>{format_number(float(row['size']))}</dd>" in text for row in molecules)


def test_everything_wrong_is_told_at_once_and_nothing_is_written(run, tmp_path, capsys):
    (tmp_path / "bad.fasta").write_text(">a\nGGXGCC\n>b\nGGGG\n((((\n>c\n")
    (tmp_path / "empty.cif").touch()
    out = tmp_path / "out"
    files = [tmp_path / name for name in ("bad.fasta", "empty.cif", "no.pdb", "what.txt")]
    assert ghyena("predict", run, *files, "--out", out) == 2
    told = capsys.readouterr().err
    for text in ("row 1: the sequence has letters", "row 3: structure: '('", "row 6: the sequence is empty"):
        assert text in told
    for text in ("empty.cif: is empty", "no.pdb: no such file", "what.txt: expected a structure"):
        assert text in told
    assert not out.exists()
    assert ghyena("predict", run, files[2], "--stride", "2") == 2
    assert "--stride: is for trajectories" in capsys.readouterr().err


def test_two_molecules_of_one_name(fasta, tmp_path):
    (tmp_path / "given.pdb").write_bytes(as_pdb(array_of(build_sketch(SEQUENCE, BRACKETS))))
    with pytest.raises(InputError, match=r"new.fasta and given.pdb: two molecules are called given"):
        read_inputs([str(fasta), str(tmp_path / "given.pdb")])


def test_fasta_comes_back_as_written(tmp_path):
    records = [FastaRecord("a", SEQUENCE, BRACKETS, False), FastaRecord("b", "ACGU", None, False)]
    assert read_fasta(write_fasta(tmp_path / "x.fasta", records)) == records
    (tmp_path / "none.fasta").write_text("\n")
    with pytest.raises(InputError, match=r"none.fasta: holds no sequence"):
        read_fasta(tmp_path / "none.fasta")
    (tmp_path / "late.fasta").write_text("ACGU\n>a\nACGU\n")
    with pytest.raises(InputError, match="row 1: stands before the first header"):
        read_fasta(tmp_path / "late.fasta")
    (tmp_path / "twice.fasta").write_text(">a\nACGU\n>a\nACGG\n")
    with pytest.raises(InputError, match="row 3: a is there already"):
        read_fasta(tmp_path / "twice.fasta")
