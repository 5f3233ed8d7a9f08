"""`ghyena data NAME FILE` for RNA: checks and sums up."""

import pytest

pytest.importorskip("biotite")
pytest.importorskip("RNA")

from data.rna.test_data_sets import construct, write_lines
from geometric_hyena.cli import main


def test_open_vaccine(tmp_path, capsys):
    rows = [construct(str(k)) for k in range(6)]
    path = write_lines(tmp_path / "train.json", rows)
    assert main(["data", "open-vaccine", str(path), "--targets", "reactivity,deg_50C"]) == 0
    shown = capsys.readouterr().out
    assert "6 of 12 to 12 nucleotides" in shown
    assert "target      deg_50C, per nucleotide: 48 values" in shown
    assert "random: 4 train, 1 validation, 1 test" in shown


def test_bad_rows_are_listed_and_left_out(tmp_path, capsys):
    rows = [construct(str(k)) for k in range(3)] + [construct("x", sequence="GGG")]
    path = str(write_lines(tmp_path / "train.json", rows))
    assert main(["data", "open-vaccine", path]) == 2
    assert "train.json, row 4: the structure has 12 characters" in capsys.readouterr().err
    assert main(["data", "open-vaccine", path, "--skip_invalid", "true"]) == 0
    shown = capsys.readouterr().out
    assert "left out:\n  train.json, row 4" in shown


def test_structures_are_checked(tmp_path, capsys):
    from data.rna.test_structures import array_of, as_pdb
    from geometric_hyena.data.rna import build_sketch

    for name in "abc":
        (tmp_path / f"{name}.pdb").write_bytes(as_pdb(array_of(build_sketch("GGGAAACCC", "(((...)))"))))
    (tmp_path / "labels.csv").write_text("id,half_life\na,1\nb,2\nc,3\n")
    words = ["data", "rna", str(tmp_path / "labels.csv"), "--structures", str(tmp_path)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "target      half_life, per molecule: 3 values, mean 2.000" in shown
    assert "structures  3 match" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data", "tc-ribo"], "expected one file"),
        (["data", "tc-ribo", "nowhere.csv"], "nowhere.csv: no such file"),
        (["data", "open-vaccine", "x", "--sn_filter", "maybe"], "--sn_filter: expected true or false"),
        (["data", "ribonanza", "x", "--smallest", "few"], "--smallest: expected a number"),
        (["data", "tc-ribo", "x", "--targets", "y"], "unknown option --targets"),
        (["data", "mnist"], "expected one data set"),
    ],
)
def test_bad_words(words, told, capsys):
    assert main(words) == 2
    assert told in capsys.readouterr().err
