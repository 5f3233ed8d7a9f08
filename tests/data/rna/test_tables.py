"""Tables of one's own, and structures for their molecules."""

import numpy as np
import pytest

pytest.importorskip("biotite")
pytest.importorskip("RNA")

from data.rna.test_structures import array_of, as_pdb
from geometric_hyena.data.rna import StructureFiles, build_sketch, load_table, structures_for
from geometric_hyena.errors import InputError


def write(path, text):
    path.write_text(text)
    return path


def test_labels_per_molecule(tmp_path):
    path = write(
        tmp_path / "labels.csv",
        "Half-Life,Seq,NAME,split,dot_bracket,other\n"
        "1.5,GGGAAACCC,one,train,(((...))),\n"
        ",GGGTAACCCA,two,val,,7\n"
        "2,AAAA,three,test,,\n",
    )
    data = load_table(path)
    assert data.level == "molecule"
    assert [(r.id, r.sequence) for r in data.records] == [
        ("one", "GGGAAACCC"),
        ("two", "GGGUAACCCA"),
        ("three", "AAAA"),
    ]
    assert data.target_names == ("Half-Life", "other")
    assert data.records[1].mask.tolist() == [[False, True]]
    assert {name: rows.tolist() for name, rows in data.splits.items()} == {
        "train": [0],
        "validation": [1],
        "test": [2],
    }
    assert load_table(path, targets=("other",), skip_invalid=True).records[0].id == "two"


def test_molecules_without_a_split_are_told_and_two_splits_are_none(tmp_path):
    head = "id,sequence,structure,position,split,x\n"
    rows = ["a,GC,..,1,train,1\n", "a,GC,..,2,,2\n", "b,GC,..,1,,3\n", "c,GC,..,1,test,3\n"]
    data = load_table(write(tmp_path / "labels.csv", head + "".join(rows)))
    assert "1 molecules have no split and are left out where it is used: b" in data.notes
    assert data.splits["train"].tolist() == [0]
    with pytest.raises(InputError, match="another split than at"):
        load_table(write(tmp_path / "two.csv", head + "".join([*rows, "c,GC,..,2,train,3\n"])))


def test_labels_per_nucleotide(tmp_path):
    path = write(
        tmp_path / "labels.csv",
        "id,position,dms,shape,sequence,structure\n"
        "a,2,0.5,,GGGAAACCC,(((...)))\n"
        "a,4,,1.5,,\n"
        "b,1,1,1,GGAT,....\n",
    )
    data = load_table(path)
    assert data.level == "nucleotide"
    assert data.target_names == ("dms", "shape")
    first = data.records[0]
    assert first.targets.shape == (9, 2)
    assert first.mask.nonzero()[0].tolist() == [1, 3]
    assert first.targets[1, 0] == 0.5
    assert data.records[1].sequence == "GGAU"
    assert any("T read as U" in note for note in data.notes)


def test_structures_are_folded_where_none_is_given(tmp_path):
    path = write(tmp_path / "labels.csv", "id,sequence,y\na,GGGGGAAAACCCCC,1\n")
    data = load_table(path)
    assert data.records[0].structure == "(((((....)))))"
    assert data.notes == ("1 structures folded by ViennaRNA",)


def test_everything_wrong_is_told_at_once(tmp_path):
    path = write(
        tmp_path / "labels.csv",
        "id,position,y,sequence,structure\n"
        "a,1,0.5,GGGAAACCC,(((...)))\n"
        "a,1,0.6,,\n"
        "b,9,0.5,GGG,...\n"
        "c,one,0.5,GGG,...\n"
        "d,1,much,GGG,...\n"
        "e,1,0.5,,\n"
        "f,1,0.5,GGG,..(\n"
        ",1,0.5,GGG,...\n"
        "g,1,0.5,GGG,...\n"
        "g,2,0.5,GGC,...\n"
        "h,1,nan,GGG,...\n"
        "i,1,,GGG,...\n"
        "ok,1,1,GGG,...\n",
    )
    with pytest.raises(InputError) as error:
        load_table(path)
    told = str(error.value)
    for text in (
        "row 3: position 1 is there already",
        "row 4: labels up to position 9, the sequence has 3 letters",
        "row 5: position is 'one'",
        "row 6: y is 'much'",
        "row 7: e has no sequence",
        "row 8: structure: '(' without partner at 3",
        "row 9: id is empty",
        "row 11: another sequence than at labels.csv, row 10",
        "row 12: y is 'nan'",
        "row 13: has no label at all",
    ):
        assert text in told
    kept = load_table(path, skip_invalid=True)
    assert [record.id for record in kept.records] == ["ok"]
    assert len(kept.skipped) == 10


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("sequence,y\nGGG,1\n", "lacks a column 'id'"),
        ("id,sequence\na,GGG\n", "no column with labels"),
        ("id,sequence,y\n", "no rows below its header"),
        ("id,sequence,y\na,GGG,1\na,GGG,2\n", "row 3: id a is there already, at labels.csv, row 2"),
    ],
)
def test_tables_that_are_none(text, told, tmp_path):
    with pytest.raises(InputError, match=told):
        load_table(write(tmp_path / "labels.csv", text))


def test_missing_target_columns(tmp_path):
    path = write(tmp_path / "labels.csv", "id,sequence,y\na,GGG,1\n")
    with pytest.raises(InputError, match="lacks the target column z"):
        load_table(path, targets=("z",))


def test_structures_beside_a_table(tmp_path):
    folder = tmp_path / "structures"
    folder.mkdir()
    sketch = build_sketch("GGGAAACCC", "(((...)))")
    (folder / "a.pdb").write_bytes(as_pdb(array_of(sketch)))
    (folder / "b.pdb").write_bytes(as_pdb(array_of(sketch)))
    path = write(tmp_path / "labels.csv", "id,structure,y\na,(((...))),1\nb,,2\n")
    files = StructureFiles(folder)
    data = load_table(path, structures=files)
    assert [record.sequence for record in data.records] == ["GGGAAACCC"] * 2
    structures, left = structures_for(data.records, folder)
    assert [len(s) for s in structures] == [9, 9]
    assert left == ()


def test_structures_that_do_not_match_are_told_at_once(tmp_path):
    folder = tmp_path / "structures"
    folder.mkdir()
    (folder / "a.pdb").write_bytes(as_pdb(array_of(build_sketch("GGGAAACCC", "(((...)))"))))
    (folder / "c.pdb").write_text("")
    (folder / "ok.pdb").write_bytes(as_pdb(array_of(build_sketch("GGG", "..."))))
    text = "id,sequence,structure,y\na,GGGACACCC,(((...))),1\nb,GGG,...,2\nc,GGG,...,3\nok,GGG,...,4\n"
    data = load_table(write(tmp_path / "labels.csv", text))
    with pytest.raises(InputError) as error:
        structures_for(data.records, folder)
    told = str(error.value)
    assert "3 problems" in told
    assert "labels.csv, row 2: the structure a has A at nucleotide 5, the sequence has C" in told
    assert "holds no structure named b" in told
    assert "c.pdb: is empty" in told
    structures, left = structures_for(data.records, folder, skip_invalid=True)
    assert [s is None for s in structures] == [True, True, True, False]
    assert len(left) == 3


def test_sketches_where_no_structures_are_given(tmp_path, monkeypatch):
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    data = load_table(write(tmp_path / "labels.csv", "id,sequence,structure,y\na,GGGAAACCC,(((...))),1\n"))
    structures, _ = structures_for(data.records)
    assert structures[0] is not None
    assert structures[0].sketch
    assert np.isfinite(structures[0].coordinates).all()
