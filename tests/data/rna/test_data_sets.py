"""Open Vaccine, Ribonanza and Tc-Riboswitches: real files where present, and small ones with faults."""

import csv
import json

import numpy as np
import pytest

from geometric_hyena.data.rna.open_vaccine import TARGETS, error_name, load_open_vaccine
from geometric_hyena.data.rna.ribonanza import EXPERIMENTS, load_ribonanza, survey
from geometric_hyena.data.rna.tc_ribo import load_tc_ribo
from geometric_hyena.errors import InputError
from real_data import real_file

SEQUENCE, STRUCTURE = "GGGAAACCCUAU", "(((...)))..."


def construct(name, scored=8, **changes):
    row = {
        "id": name,
        "sequence": SEQUENCE,
        "structure": STRUCTURE,
        "SN_filter": 1,
        "seq_scored": scored,
        **{target: [0.1 * k for k in range(scored)] for target in TARGETS},
        **{error_name(target): [0.5] * scored for target in TARGETS},
    }
    row.update(changes)
    return row


def write_lines(path, rows):
    path.write_text("\n".join(json.dumps(row) if isinstance(row, dict) else row for row in rows) + "\n")
    return path


def test_the_real_open_vaccine_file():
    data = load_open_vaccine(real_file("open_vaccine/train.json"))
    assert len(data) == 1589
    assert data.target_names == ("reactivity", "deg_Mg_pH10", "deg_pH10")
    assert (data.notes, data.skipped) == ((), ())
    assert {len(record) for record in data.records} == {107}
    assert all(record.mask[:68].all() and not record.mask[68:].any() for record in data.records)
    values = np.concatenate([record.targets[:68] for record in data.records])
    assert values.std(axis=0) == pytest.approx([0.456, 0.519, 0.567], abs=1e-3)
    every = load_open_vaccine(real_file("open_vaccine/train.json"), targets=TARGETS)
    assert every.records[0].targets.shape == (107, 5)
    assert np.isfinite(every.records[0].errors[:68]).all()


def test_open_vaccine_filter_masks_and_targets(tmp_path):
    path = write_lines(
        tmp_path / "train.json",
        [
            construct("a", deg_pH10=[0.0] * 8),
            construct("b", SN_filter=0),
            construct("c", sequence=SEQUENCE.replace("U", "T")),
        ],
    )
    data = load_open_vaccine(path)
    assert [record.id for record in data.records] == ["a", "c"]
    assert data.records[0].mask.sum(axis=0).tolist() == [8, 8, 0]  # zeros alone were never measured
    assert data.records[1].sequence == SEQUENCE
    assert data.notes == ("train.json, row 3: T read as U",)
    assert len(load_open_vaccine(path, sn_filter=False)) == 3
    one = load_open_vaccine(path, targets=("deg_50C",))
    assert one.records[0].targets.shape == (12, 1)
    with pytest.raises(InputError, match="got speed"):
        load_open_vaccine(path, targets=("speed",))


def test_everything_wrong_in_open_vaccine_is_told_at_once(tmp_path):
    good = construct("good")
    rows = [
        good,
        construct("x", sequence="GGGAAANNCUAU"),
        construct("y", structure="(((...))...."),
        construct("z", reactivity=[0.1] * 7),
        construct("w", deg_pH10=[0.1] * 7 + [float("nan")]),
        good,
        "{broken",
        construct("v", structure="(((...)))"),
        {"id": "u", "SN_filter": 1},
        construct("t", seq_scored=99),
    ]
    path = write_lines(tmp_path / "bad.json", rows)
    with pytest.raises(InputError) as error:
        load_open_vaccine(path)
    told = str(error.value)
    for text in (
        "row 2: the sequence has letters that are not A, C, G, U: 'N', first at 7",
        "row 3: structure: '(' without partner at 1",
        "row 4: reactivity has 7 values, seq_scored is 8",
        "row 5: deg_pH10 is nan at nucleotide 8",
        "row 6: id good is there already, at bad.json, row 1",
        "row 7: is no row of this file",
        "row 8: the structure has 9 characters, the sequence 12",
        "row 9: lacks sequence, structure",
        "row 10: seq_scored is 99",
    ):
        assert text in told
    kept = load_open_vaccine(path, skip_invalid=True)
    assert [record.id for record in kept.records] == ["good"]
    assert len(kept.skipped) >= 9
    with pytest.raises(InputError, match="nothing is left"):
        load_open_vaccine(write_lines(tmp_path / "none.json", rows[1:3]), skip_invalid=True)
    with pytest.raises(InputError, match="is empty"):
        load_open_vaccine(write_empty(tmp_path / "empty.json"))


def write_empty(path):
    path.write_text("")
    return path


# --- Ribonanza ---


def write_ribonanza(path, rows, width=15):
    columns = [f"reactivity_{k:04d}" for k in range(1, width + 1)]
    names = ["sequence_id", "sequence", "experiment_type", "dataset_name", "reads", "SN_filter"]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *columns, "reactivity_error_0001"])
        for name, sequence, experiment, dataset, passed, values in rows:
            cells = [*values, *[""] * (width - len(values))]
            writer.writerow([name, sequence, experiment, dataset, 500, passed, *cells, ""])
    return path


@pytest.fixture
def ribonanza(tmp_path):
    """Two sub-data-sets: `normal` with normal labels, `skewed` with squared ones; one molecule fails."""
    generator = np.random.default_rng(0)
    rows = []
    for dataset in ("skewed", "normal"):
        for k in range(20):
            for experiment in EXPERIMENTS:
                values = generator.normal(size=10)
                values = values**2 if dataset == "skewed" else values
                passed = int(not (k == 3 and experiment == "DMS_MaP"))
                cells = ["", *(f"{v:.4f}" for v in values)]
                rows.append((f"{dataset}{k}", SEQUENCE, experiment, dataset, passed, cells))
    return write_ribonanza(tmp_path / "train_data.csv", rows)


def test_ribonanzas_most_normal_sub_data_set_is_chosen(ribonanza):
    pytest.importorskip("RNA")
    ranked = survey(ribonanza)
    assert [found.name for found in ranked] == ["normal", "skewed"]
    assert ranked[0].distance_from_normal < 0.6 < ranked[1].distance_from_normal
    assert len(ranked[0].molecules) == 19
    data = load_ribonanza(ribonanza, smallest=10, largest=30)
    assert "sub-data-set normal: 19 molecules" in data.notes[0]
    assert len(data) == 19
    assert "normal3" not in {record.id for record in data.records}
    record = data.records[0]
    assert record.targets.shape == (12, 2)
    assert record.mask[:, 0].tolist() == [False] + [True] * 10 + [False]
    assert len(record.structure) == 12
    assert load_ribonanza(ribonanza, dataset="skewed").records[0].id == "skewed0"


def test_the_moments_are_those_of_the_labels(ribonanza):
    from scipy.stats import kurtosis, skew

    values = []
    with open(ribonanza, newline="") as file:
        for row in csv.DictReader(file):
            if row["dataset_name"] == "normal" and row["sequence_id"] != "normal3":
                values += [float(row[f"reactivity_{k:04d}"]) for k in range(2, 12)]
    expected = abs(skew(values)) + abs(kurtosis(values))
    assert survey(ribonanza)[0].distance_from_normal == pytest.approx(expected, rel=1e-6)


def test_bad_ribonanza_files(ribonanza, tmp_path):
    with pytest.raises(InputError, match="no sub-data-set has 2000 to 2500"):
        load_ribonanza(ribonanza)
    with pytest.raises(InputError, match="no sub-data-set 'other'"):
        load_ribonanza(ribonanza, dataset="other")
    (tmp_path / "no.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="lacks the columns reactivity_0001"):
        load_ribonanza(tmp_path / "no.csv", dataset="x")
    rows = [
        ("a", SEQUENCE, "DMS_MaP", "s", 1, ["0.5"]),
        ("a", SEQUENCE, "DMS_MaP", "s", 1, ["0.5"]),
        ("b", "GGXAAACCC", "DMS_MaP", "s", 1, ["0.5"]),
        ("c", SEQUENCE, "NMR", "s", 1, ["0.5"]),
        ("d", SEQUENCE, "2A3_MaP", "s", 1, ["much"]),
        ("e", "GGG", "2A3_MaP", "s", 1, ["0.1"] * 5),
        ("a", "GGGG", "2A3_MaP", "s", 1, ["0.1"]),
    ]
    with pytest.raises(InputError) as error:
        load_ribonanza(write_ribonanza(tmp_path / "bad.csv", rows), dataset="s")
    told = str(error.value)
    for text in (
        "row 3: id a is there already for DMS_MaP",
        "row 4: the sequence has letters",
        "row 5: experiment_type is 'NMR'",
        "row 6: reactivity_0001 is 'much'",
        "row 7: has a reactivity at 5, the sequence has 3 letters",
        "row 8: id a has another sequence than at bad.csv, row 2",
    ):
        assert text in told


# --- Tc-Riboswitches ---


def test_the_real_riboswitches():
    pytest.importorskip("RNA")
    data = load_tc_ribo(real_file("tc_ribo/Tc-Riboswitches.csv"))
    assert {name: len(rows) for name, rows in data.splits.items()} == {
        "train": 248,
        "validation": 53,
        "test": 54,
    }
    assert data.level == "molecule"
    values = np.array([record.targets[0, 0] for record in data.records])
    assert (values.mean(), values.std()) == pytest.approx((2.18, 0.59), abs=0.01)
    mean = values[data.splits["train"]].mean()
    test = values[data.splits["test"]]
    assert np.sqrt(np.mean((test - mean) ** 2)) == pytest.approx(0.742, abs=1e-3)


def test_bad_riboswitches(tmp_path):
    path = tmp_path / "tc.csv"
    path.write_text(
        "Sequence,Value,Dataset,Split\nGGGAAACCC,1.5,x,train\nGGZ,1,x,val\nGGA,,x,test\nGGA,2,x,other\n"
    )
    with pytest.raises(InputError) as error:
        load_tc_ribo(path)
    told = str(error.value)
    for text in ("row 3: the sequence has letters", "row 4: Value is ''", "row 5: Split is 'other'"):
        assert text in told
    path.write_text("Sequence,Value\nGGA,1\n")
    with pytest.raises(InputError, match="lacks the column Split"):
        load_tc_ribo(path)
