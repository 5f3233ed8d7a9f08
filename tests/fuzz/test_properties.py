"""Whatever text and numbers a file of the right kind holds, it is taken whole or refused."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

pytest.importorskip("RNA")

from geometric_hyena.data.rna import load_open_vaccine, load_ribonanza, load_table, load_tc_ribo
from geometric_hyena.data.rna.csv_rows import parse_number
from geometric_hyena.data.rna.fasta import FastaRecord, read_fasta, write_fasta
from geometric_hyena.data.rna.secondary_structure import dot_bracket, partners, structure_problems
from geometric_hyena.errors import InputError

PROPERTY = settings(
    max_examples=60,
    derandomize=True,  # the same examples every time, as for all tests here
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

BASES = st.text("ACGU", min_size=1, max_size=12)
BRACKETS = st.text("().[]{}<>", max_size=12)
NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**400), 10**400))
CELLS = st.one_of(
    st.text(max_size=8),
    BASES,
    BRACKETS,
    NUMBERS.map(str),
    st.sampled_from(["", "1", "train", "test", "val", "DMS_MaP", "2A3_MaP", "²", "1_0", "nan", '"', "a,b"]),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=6)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id",
    "sequence",
    "structure",
    "seq_scored",
    "SN_filter",
    "reactivity",
    "deg_pH10",
    "reactivity_error",
)
NAMES = st.text("abc01_-.<>&", min_size=1, max_size=6)
LETTERS = st.one_of(st.sampled_from(">ACGUacgt.()\n\r\t "), st.characters(codec="utf-8"))


def tried(read, path):
    """What a reader makes of a file, or None where it was refused in the way that it has to be."""
    try:
        return read(path)
    except InputError as error:
        said = str(error)
    assert path.name in said
    return None


def taken(read, path):
    """The data set of a file, or None where it was refused."""
    data = tried(read, path)
    if data is None:
        return None
    for record in data.records:
        assert set(record.sequence) <= set("ACGU")
        assert len(record.structure) == len(record.sequence)
        assert not structure_problems(record.structure)
        assert record.targets.shape[1] == len(data.target_names)
        assert not np.isinf(record.targets).any()
        assert np.isfinite(record.targets.astype(np.float32)[record.mask]).all()
    return data


def rows_of(header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue().encode("utf-8", errors="surrogatepass")


HEADERS = {
    "table": ("id", "sequence", "structure", "split", "value"),
    "nucleotides": ("id", "position", "sequence", "value"),
    "tc-ribo": ("Sequence", "Value", "Split"),
    "ribonanza": (
        "sequence_id",
        "sequence",
        "experiment_type",
        "dataset_name",
        "SN_filter",
        "reactivity_0001",
        "reactivity_0002",
    ),
}
TABLES = {
    "table": load_table,
    "nucleotides": load_table,
    "tc-ribo": load_tc_ribo,
    "ribonanza": lambda path: load_ribonanza(path, smallest=1),
}


@pytest.mark.parametrize("kind", HEADERS)
@PROPERTY
@given(data=st.data())
def test_tables_of_any_cells(kind, data, tmp_path):
    header = HEADERS[kind]
    row = st.lists(CELLS, min_size=len(header), max_size=len(header))
    path = tmp_path / "table.csv"
    path.write_bytes(rows_of(header, data.draw(st.lists(row, max_size=4))))
    taken(TABLES[kind], path)


@PROPERTY
@given(
    sequences=st.lists(st.tuples(BASES, st.floats(-1e3, 1e3)), min_size=1, max_size=5),
    order=st.permutations(("name", "seq", "y")),
)
def test_good_tables_are_taken_with_columns_in_any_order(sequences, order, tmp_path):
    columns = {
        "name": [f"m{i}" for i in range(len(sequences))],
        "seq": [s for s, _ in sequences],
        "y": [repr(v) for _, v in sequences],
    }
    path = tmp_path / "good.csv"
    path.write_bytes(rows_of(order, zip(*(columns[name] for name in order), strict=True)))
    data = taken(load_table, path)
    assert data is not None
    assert [record.sequence for record in data.records] == columns["seq"]
    np.testing.assert_array_equal([r.targets[0, 0] for r in data.records], [v for _, v in sequences])


@PROPERTY
@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_rows_of_any_json(changes, tmp_path):
    row = {"id": "a", "sequence": "GGAAACC", "structure": "((...))", "SN_filter": 1, "seq_scored": 2}
    row |= {key: [0.5, 1.5] for key in ("reactivity", "deg_Mg_pH10", "deg_pH10")}
    path = tmp_path / "train.json"
    path.write_text(json.dumps(row | changes))
    taken(load_open_vaccine, path)


@PROPERTY
@given(records=st.lists(st.tuples(NAMES, BASES), min_size=1, max_size=4))
def test_fasta_comes_back_as_written(records, tmp_path):
    assume(len({name for name, _ in records}) == len(records))
    written = [
        FastaRecord(name, sequence, "." * len(sequence) if i % 2 else None, False)
        for i, (name, sequence) in enumerate(records)
    ]
    assert read_fasta(write_fasta(tmp_path / "a.fasta", written)) == written


@PROPERTY
@given(text=st.text(LETTERS, max_size=60))
def test_fasta_of_any_text(text, tmp_path):
    path = tmp_path / "any.fasta"
    path.write_bytes(text.encode())
    records = tried(read_fasta, path)
    assert records is None or records
    assert all(set(record.sequence) <= set("ACGU") and record.sequence for record in records or [])


@PROPERTY
@given(text=st.one_of(BRACKETS, st.text(max_size=10)))
def test_a_structure_without_problems_has_partners(text):
    if structure_problems(text):
        with pytest.raises(InputError):
            partners(text)
        return
    found = partners(text)
    ends = np.flatnonzero(found >= 0)
    assert (found[found[ends]] == ends).all()
    if not set(text) - set("()."):
        assert dot_bracket(found) == text


@PROPERTY
@given(text=st.one_of(st.text(max_size=12), NUMBERS.map(str)))
def test_numbers_are_single_precision_or_none(text):
    value = parse_number(text)
    if value is not None and not np.isnan(value):
        assert np.isfinite(np.float32(value))
