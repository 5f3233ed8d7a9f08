"""Text files as programs and people leave them: encodings, quotation marks, cells too many, huge numbers."""

import codecs
import json

import numpy as np
import pytest

pytest.importorskip("RNA")

from geometric_hyena.data.rna import load_open_vaccine, load_ribonanza, load_table, load_tc_ribo
from geometric_hyena.data.rna.csv_rows import parse_number
from geometric_hyena.data.rna.fasta import read_fasta
from geometric_hyena.data.rna.folding import LONGEST_FOLDED, fold, pair_probabilities
from geometric_hyena.errors import InputError, shown

HEAD = "id,sequence,structure,y\n"
ROW = "a,GGAAACC,((...)),1.5\n"


def table(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(read, path):
    with pytest.raises(InputError) as caught:
        read(path)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_line_ends_and_byte_order_marks_of_other_systems(ends, mark, tmp_path):
    data = load_table(table(tmp_path, mark + (HEAD + ROW).replace("\n", ends).encode()))
    assert data.records[0].structure == "((...))"
    assert data.target_names == ("y",)


def test_an_index_without_a_name_is_no_target(tmp_path):
    assert load_table(table(tmp_path, "," + HEAD + "0," + ROW)).target_names == ("y",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD.encode() + "µ,GC,..,1\n".encode("latin-1"), "row 2 is not UTF-8 text"),
        ((HEAD + ROW).encode("utf-16"), "row 1 is not UTF-8 text"),
        (HEAD + ROW + "b,GC,..,1,7\n", "row 3 has more cells than the header"),
        (HEAD + 'b,"GC,..,1\n' + ROW, "is no CSV"),
        (HEAD + '"' + "A" * 200_000 + '",GC,..,1\n', "is no CSV"),
        ("id,sequence,y,y\na,GC,1,2\n", "has the column y twice"),
        (HEAD + "a,GC,..,1_000\n", "y is '1_000', expected a number"),
        (HEAD + "a,GC,..,1e39\n", "y is '1e39', expected a number"),
        (HEAD + "a,\x1b[2J,,1\n", "letters that are not A, C, G, U"),
        (HEAD + f"a,{'GC' * LONGEST_FOLDED},,1\n", f"which ends at {LONGEST_FOLDED}"),
        ("id,position,sequence,y\na,²,GC,1\n", "position is '²'"),
        (f"id,position,sequence,y\na,{'9' * 5000},GC,1\n", "position is '999"),
    ],
)
def test_tables(content, says, tmp_path):
    said = refusal(load_table, table(tmp_path, content))
    assert says in said
    assert len(said) < 1000
    assert "\x1b" not in said


def open_vaccine_row(**changes):
    row = {"id": "a", "sequence": "GGAAACC", "structure": "((...))", "SN_filter": 1, "seq_scored": 2}
    return row | {key: [0.5, 1.5] for key in ("reactivity", "deg_Mg_pH10", "deg_pH10")} | changes


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[" * 100_000, "row 1: is no row of this file"),
        (json.dumps(open_vaccine_row(reactivity=[10**400, 1])), "reactivity is 1000"),
        (json.dumps(open_vaccine_row(reactivity=[True, 1])), "reactivity is no list of numbers"),
        (json.dumps(open_vaccine_row(SN_filter=float("inf"))), "row 1: is no row of this file"),
        (json.dumps(open_vaccine_row(id=["a"])), "id: expected text"),
        (json.dumps(open_vaccine_row(seq_scored=True)), "seq_scored is True"),
        (json.dumps(open_vaccine_row()).encode("utf-16"), "row 1 is not UTF-8 text"),
    ],
)
def test_rows_of_open_vaccine(content, says, tmp_path):
    path = tmp_path / "train.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = refusal(load_open_vaccine, path)
    assert says in said
    assert len(said) < 1000


def test_an_error_without_end_is_one_that_is_not_known(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(open_vaccine_row(reactivity_error=[10**400, 0.25])))
    np.testing.assert_array_equal(load_open_vaccine(path).records[0].errors[:2, 0], [np.nan, 0.25])


def test_other_files(tmp_path):
    fasta = tmp_path / "a.fasta"
    fasta.write_bytes(b">a\nGC\n>\xff\nGC\n")
    assert "row 3 is not UTF-8 text" in refusal(read_fasta, fasta)
    tc_ribo = tmp_path / "tc.csv"
    tc_ribo.write_text(f"Sequence,Value,Split\n{'G' * (LONGEST_FOLDED + 1)},1,train\n")
    assert f"ends at {LONGEST_FOLDED}" in refusal(load_tc_ribo, tc_ribo)
    ribonanza = tmp_path / "train_data.csv"
    head = "sequence_id,sequence,experiment_type,dataset_name,SN_filter,reactivity_0001,reactivity_0001\n"
    ribonanza.write_text(head + "a,GC,DMS_MaP,set,1,1,1\na,GC,2A3_MaP,set,1,1,1\n")
    assert "has the column reactivity_0001 twice" in refusal(
        lambda path: load_ribonanza(path, smallest=1), ribonanza
    )


def test_what_cannot_be_folded_is_refused_before_it_ends_the_process():
    for folded in (fold, pair_probabilities):
        with pytest.raises(InputError, match=f"{LONGEST_FOLDED + 1} nucleotides are more"):
            folded("A" * (LONGEST_FOLDED + 1))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        (" -2e3 ", -2000.0),
        ("1e39", None),
        ("1_0", None),
        ("x", None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_numbers(text, value):
    assert parse_number(text) == value


def test_an_empty_cell_is_no_number_and_no_mistake():
    assert np.isnan(parse_number(" "))
    assert np.isnan(parse_number(None))


def test_what_a_message_shows_of_a_file():
    assert shown("a\x1b[2J\nb\x00") == "a\\x1b[2J\\nb\\x00"
    assert shown("x" * 500, 10) == "xxxxxxx..."
    assert shown("µ ä 漢") == "µ ä 漢"
