"""RhoFold+ as a program of its own: a stand-in with its command line and outputs."""

import sys
import textwrap

import pytest

pytest.importorskip("biotite")

from data.rna.test_structures import array_of, as_pdb
from geometric_hyena.cli import main
from geometric_hyena.data.rna import StructureFiles, build_sketch
from geometric_hyena.data.rna.fasta import read_fasta
from geometric_hyena.data.rna.rhofold import read_ct
from geometric_hyena.errors import InputError

SEQUENCE, BRACKETS = "GGGAAACCCU", "(((...)))."

# Has the arguments of RhoFold's inference.py and writes the files that it writes; the structure is prepared.
PROGRAM = """
    import argparse, pathlib, shutil, sys
    parser = argparse.ArgumentParser()
    for name in ("device", "ckpt", "input_a3m"):
        parser.add_argument(f"--{name}", default=None)
    for name in ("input_fas", "output_dir"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--relax_steps", default=1000)
    parser.add_argument("--single_seq_pred", default=False)
    args = parser.parse_args()
    assert args.single_seq_pred and int(args.relax_steps) == 0 and args.device == "cpu"
    here = pathlib.Path(__file__).parent
    assert pathlib.Path.cwd() == here.resolve()
    if not pathlib.Path(args.ckpt).is_file():
        sys.exit("no weights at " + args.ckpt)
    header, sequence = pathlib.Path(args.input_fas).read_text().split()
    with open(here / "calls.txt", "a") as calls:
        print(header, file=calls)
    out = pathlib.Path(args.output_dir)
    (out / "log.txt").write_text("log")
    shutil.copy(here / "prepared.pdb", out / "unrelaxed_model.pdb")
    pairs = [9, 8, 7, 0, 0, 0, 3, 2, 1, 0]
    rows = [f"{i}\\t{c}\\t{i - 1}\\t{i + 1}\\t{j}\\t{i}" for i, (c, j) in enumerate(zip(sequence, pairs), 1)]
    (out / "ss.ct").write_text("\\n".join([f"{len(sequence)}\\tseq", *rows]) + "\\n")
"""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "RhoFold"
    (folder / "pretrained").mkdir(parents=True)
    (folder / "pretrained" / "rhofold_pretrained_params.pt").touch()
    (folder / "inference.py").write_text(textwrap.dedent(PROGRAM))
    (folder / "prepared.pdb").write_bytes(as_pdb(array_of(build_sketch(SEQUENCE, BRACKETS))))
    return folder


@pytest.fixture
def words(checkout, tmp_path):
    (tmp_path / "new.fasta").write_text(f">one\n{SEQUENCE}\n>two\n{SEQUENCE}\n")
    given = ["data", "rhofold", tmp_path / "new.fasta", "--rhofold", checkout, "--out", tmp_path / "out"]
    return [*map(str, given), "--python", sys.executable]


def test_structures_and_base_pairs_of_every_sequence(words, tmp_path, capsys):
    assert main(words) == 0
    out = tmp_path / "out"
    assert capsys.readouterr().out.split() == [
        str(out / name) for name in ("one.pdb", "two.pdb", "secondary_structure.fasta")
    ]
    files = StructureFiles(out)
    assert set(files.members) == {"one", "two"}
    assert files.read("one").sequence == SEQUENCE
    folded = read_fasta(out / "secondary_structure.fasta")
    assert [(r.name, r.structure) for r in folded] == [("one", BRACKETS), ("two", BRACKETS)]


def test_what_is_there_is_not_done_again(words, checkout, tmp_path):
    assert main(words) == 0
    (tmp_path / "out" / "two.pdb").unlink()
    assert main(words) == 0
    assert (checkout / "calls.txt").read_text().split() == [">one", ">two", ">two"]


def test_what_can_go_wrong_is_told(words, checkout, tmp_path, capsys):
    def refused():
        assert main(words) == 2
        assert not (tmp_path / "out" / "one.pdb").exists()
        return capsys.readouterr().err

    (checkout / "prepared.pdb").write_bytes(as_pdb(array_of(build_sketch("GGGAAACCCA", BRACKETS))))
    assert "has A at nucleotide 10, the sequence has U" in refused()
    (checkout / "pretrained" / "rhofold_pretrained_params.pt").unlink()
    assert "one: RhoFold ended with code 1: no weights at" in refused()
    (checkout / "inference.py").write_text("pass")
    assert "wrote no unrelaxed_model.pdb and no ss.ct" in refused()
    (checkout / "inference.py").unlink()
    assert "inference.py: no such file" in refused()
    (tmp_path / "new.fasta").write_text(f">../one\n{SEQUENCE}\n")
    (checkout / "inference.py").write_text("pass")
    assert "is no name for a file" in refused()


def test_connectivity_tables(tmp_path):
    path = tmp_path / "x.ct"

    def written(pairs, letters="GAUC"):
        rows = [
            f"{i} {c} {i - 1} {i + 1} {j} {i}" for i, (c, j) in enumerate(zip(letters, pairs, strict=True), 1)
        ]
        path.write_text("\n".join(["4", *rows]))
        return path

    assert read_ct(written([3, 4, 1, 2]), "GAUC") == "(.)."  # the second pair crosses the first
    with pytest.raises(InputError, match="nucleotide 2 has another partner"):
        read_ct(written([3, 3, 1, 0]), "GAUC")
    with pytest.raises(InputError, match="of another sequence"):
        read_ct(written([0, 0, 0, 0]), "GAUA")
    path.write_text("4\nG A\n")
    with pytest.raises(InputError, match="no connectivity table"):
        read_ct(path, "GAUC")
