"""The papers' tables: what is in them, tiny runs of them, and what they say where data are not at hand."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.rna.test_data_sets import construct, write_lines
from geometric_hyena.data.rna.config import OpenVaccineConfig
from geometric_hyena.data.rna.reading import _some
from geometric_hyena.data.rna.records import RnaData, RnaRecord
from geometric_hyena.errors import InputError, MissingDependencyError
from geometric_hyena.models.registry import MODELS
from geometric_hyena.reproduce import everything, registry
from geometric_hyena.reproduce import plan as planning
from geometric_hyena.reproduce.plan import Choices
from geometric_hyena.reproduce.registry import SWEEPS, TABLES
from geometric_hyena.reproduce.run import plan_table
from geometric_hyena.reproduce.sources import SOURCES, MissingDataError, Places, Source
from geometric_hyena.reproduce.sweep import Budget
from geometric_hyena.reproduce.tables import rna
from geometric_hyena.reproduce.tables.claims import Claim, arithmetic, value_of
from geometric_hyena.reproduce.tables.paper_table import OURS, PaperTable, Row, published_column
from geometric_hyena.reproduce.tables.record import diverged
from reproduce.in_process import started_here
from reproduce.test_studies import tiny as tiny_study
from training.small_runs import ghyena

NOWHERE = Source("open-vaccine", "Somebody's data", "somewhere", ("a.csv",), lambda paths: {})
NETWORK = {"hidden_dim": 8, "vector_channels": 2, "blocks": 1}
TINY = {
    "data": {"length": 4, "train": 16, "validation": 8, "test": 8},
    "network": NETWORK,
    "accelerator": "cpu",
}


def column(name, **changes):
    budget = Budget(("short",), seeds=2, epochs=1, values=TINY, **changes)
    return replace(
        SWEEPS["recall-length"],
        name=name,
        title=f"Recall, {name}",
        axis="task",
        models=("transformer", "without", "egnn", "geometric-hyena"),
        options=lambda _: {},
        cost=lambda _: 1.0,
        quick=budget,
        paper=budget,
        variants={"without": {"model": "geometric-hyena", "network": {"long_conv": False}}},
    )


TABLE = PaperTable(
    name="tiny-table",
    title="A tiny table",
    rows=(
        Row("Transformer", "transformer"),
        Row("no convolution", "without"),
        Row("EGNN", "egnn", extension=True),
        Row(OURS, "geometric-hyena"),
    ),
    columns=(column("near", without={"egnn": "it is slow"}), column("far", source=NOWHERE)),
    published={"near": {"Transformer": "0.50±.01", "no convolution": "OOM", OURS: "0.40"}},
    source="a paper",
    unit="units",
    claims=(Claim("20", "near"),),
    differences=("The paper is long, this is short.",),
)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """The only table, and no data."""
    monkeypatch.setattr(registry, "TABLES", {"tiny-table": TABLE})
    monkeypatch.delenv("GHYENA_DATA", raising=False)
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of the table that was run; read only."""
    folder = tmp_path_factory.mktemp("table")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "TABLES", {"tiny-table": TABLE})
        patch.delenv("GHYENA_DATA", raising=False)
        assert len(started_here(patch)) == 0
        assert ghyena("reproduce", "tiny-table", "--out", folder) == 0
    return folder


def record_of(folder):
    return json.loads((folder / "tiny-table.json").read_text())


def rows_of(page):
    """Cells of every row of the first table of a page, by their first."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {row[0]: row[1:] for row in reversed(cells)}


@pytest.mark.parametrize("suffix", ["md", "html"])
def test_a_page_has_the_papers_values_ours_and_the_stamp(finished, suffix):
    page = (finished / f"tiny-table.{suffix}").read_text()
    for text in (
        "A tiny table (REDUCED)",
        "0.50±.01",
        "EGNN (extension)",
        "a paper",
        "The paper is long, this is short.",
        "Recall, near, EGNN: left out, it is slow.",
        "Recall, far: Somebody",
        "Recall, near: paper",
        "in units",
    ):
        assert text in page


def test_rows_show_mean_and_spread_over_seeds_beside_opponents(finished):
    page, record = (finished / "tiny-table.md").read_text(), record_of(finished)
    part = record["parts"][0]
    errors = page.partition("## Claims")[0]
    rows = rows_of(errors)
    assert list(rows)[::-1][:1] == ["model"]
    for label, name in (
        ("Transformer", "transformer"),
        ("no convolution", "without"),
        (OURS, "geometric-hyena"),
    ):
        found = [cell["test"]["model"]["mse"] for cell in part["cells"] if cell["model"] == name]
        mean, spread = rows[label][1].replace("*", "").replace("−", "-").split(" ± ")
        assert float(mean) == pytest.approx(np.mean(found), rel=6e-3)
        assert float(spread) == pytest.approx(np.std(found, ddof=1), rel=6e-2)
        assert rows[label][2:] == ["–", "–"]
    assert rows["EGNN (extension)"][:2] == ["–", "left out"]
    mean = part["cells"][0]["test"]["mean"]["mse"]
    assert float(rows["mean"][1]) == pytest.approx(mean, rel=6e-3)
    assert errors.count("**") == 2  # the best of the one column that was run


def test_a_row_of_fewer_seeds_than_asked_for_says_so(finished, tiny):
    record = record_of(finished)
    cells = record["parts"][0]["cells"]
    cells.remove(next(cell for cell in cells if cell["model"] == "transformer"))
    copy = tiny / "tiny-table.json"
    copy.write_text(json.dumps(record))
    assert ghyena("reproduce", "tiny-table", "--from", copy) == 0
    rows = rows_of((tiny / "tiny-table.md").read_text().partition("## Claims")[0])
    assert [label for label in rows if rows[label][1].endswith(", 1 of 2 seeds")] == ["Transformer"]


def test_a_variant_is_another_network_under_its_own_name(finished):
    cells = record_of(finished)["parts"][0]["cells"]
    assert {cell["model"] for cell in cells} == {"transformer", "without", "geometric-hyena"}
    for cell in cells:
        assert cell["network"]["long_conv"] is (cell["model"] != "without")
    assert len({cell["run"] for cell in cells}) == 6


def test_a_finished_table_is_not_run_again_and_is_drawn_from_its_result(finished, tiny, monkeypatch):
    folder = shutil.copytree(finished, tiny / "copy")
    commands = started_here(monkeypatch)
    assert ghyena("reproduce", "tiny-table", "--out", folder) == 0
    assert (
        ghyena("reproduce", "tiny-table", "--from", folder / "tiny-table.json", "--out", tiny / "drawn") == 0
    )
    assert not commands
    for name in ("tiny-table.md", "tiny-table.html"):
        assert (tiny / "drawn" / name).read_bytes() == (folder / name).read_bytes()


def test_rows_left_out_are_run_where_they_are_named(finished, tiny, monkeypatch, capsys):
    folder = shutil.copytree(finished, tiny / "copy")
    commands = started_here(monkeypatch)
    words = ("--models", "egnn", "--values", "near", "--seeds", "1", "--processes", "1")
    assert ghyena("reproduce", "tiny-table", "--out", folder, *words) == 0
    assert len(commands) == 1
    assert [cell["model"] for cell in record_of(folder)["parts"][0]["cells"]] == ["egnn"]


def test_a_table_out_of_time_says_so(tiny, monkeypatch):
    monkeypatch.setattr(planning, "run_jobs", lambda *_, **__: {})
    assert ghyena("reproduce", "tiny-table", "--values", "near", "--seconds", "1") == 0
    folder = tiny / "runs" / "reproduce" / "tables"
    record = record_of(folder)
    assert record["unfinished"] == record["parts"][0]["unfinished"] == 6
    assert "NOT FINISHED, runs to go: 6" in (folder / "tiny-table.md").read_text()
    assert "NOT FINISHED" in (folder / "tiny-table.html").read_text()


def test_what_rna_tables_need_may_be_kept_instead(monkeypatch, tmp_path):
    monkeypatch.setattr(rna, "find_spec", lambda name: None)
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="viennarna"):
        rna.check_rna(OpenVaccineConfig())
    monkeypatch.setattr(rna, "is_kept_anywhere", lambda: True)
    with pytest.raises(MissingDependencyError, match="biotite"):
        rna.check_rna(OpenVaccineConfig())
    monkeypatch.setattr(rna, "are_kept", lambda: True)
    rna.check_rna(OpenVaccineConfig())


def test_data_that_are_not_at_hand(finished, tiny, capsys):
    assert ghyena("reproduce", "tiny-table", "--values", "far") == 2
    error = capsys.readouterr().err
    assert "tiny-table: Somebody's data is not at hand: put a.csv" in error
    assert "ghyena data open-vaccine --help" in error
    assert error.count("\n") == 1
    assert ghyena("reproduce", "tiny-table", "--values", "far", "--data", tiny) == 2
    assert f"into {tiny / 'somewhere'}" in capsys.readouterr().err
    assert ghyena("reproduce", "tiny-table", "--values", "far", "--data.open-vaccine", tiny / "b.csv") == 2
    assert f"--data.open-vaccine: there is no file {tiny / 'b.csv' / 'a.csv'}" in capsys.readouterr().err
    assert not (tiny / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--values", "middle"], "--values: tiny-table has no column 'middle'; choose from: near,far"),
        (["--models", "resnet"], "--models: tiny-table has no 'resnet'; choose from: transformer,without"),
        (["--processes", "none"], "--processes: expected a whole number"),
    ],
)
def test_bad_words_end_in_one_line(words, said, tiny, capsys):
    assert ghyena("reproduce", "tiny-table", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_everything_ends_in_an_index_that_says_what_was_skipped(finished, tiny, monkeypatch, capsys):
    absent = replace(TABLE, name="absent", title="Absent", columns=TABLE.columns[1:], claims=())
    sweep = replace(column("one-sweep"), models=("transformer",), published=())
    monkeypatch.setattr(registry, "TABLES", {"tiny-table": TABLE, "absent": absent})
    monkeypatch.setattr(registry, "SWEEPS", {"one-sweep": sweep})
    for module in (registry, everything):
        monkeypatch.setattr(module, "STUDIES", {"figure5": tiny_study("figure5"), "study-order": None})
    shutil.copytree(finished, tiny / "out" / "tables")
    started = started_here(monkeypatch)
    assert ghyena("reproduce", "all", "--out", tiny / "out", "--seeds", "1") == 0
    assert [Path(words[-1]).parent.parent.name for words, _ in started] == ["one-sweep"]
    page = (tiny / "out" / "index.md").read_text()
    assert page.strip() == capsys.readouterr().out.strip()
    assert "(REDUCED)" in page
    assert "[tiny-table: A tiny table](tables/tiny-table.html)" in page
    assert "[one-sweep: Recall, one-sweep](one-sweep/one-sweep.md)" in page
    assert "(studies/figure5.md)" in page
    assert "study-order" not in page
    assert "| absent | skipped: Somebody's data is not at hand" in page
    assert "| tiny-table | far skipped: Somebody's data is not at hand" in page
    assert 'href="tables/tiny-table.html"' in (tiny / "out" / "index.html").read_text()
    for link in ("tables/tiny-table.html", "one-sweep/one-sweep.md"):
        assert (tiny / "out" / link).is_file()
    assert ghyena("reproduce", "all", "--models", "egnn") == 2
    assert "--models and --values: choose from one entry" in capsys.readouterr().err


def test_claims_are_arithmetic_on_the_printed_values():
    table1 = {claim.column: claim for claim in TABLES["table1"].claims}

    def of(table, name):
        claim = next(c for c in TABLES[table].claims if c.column == name)
        return arithmetic(claim, TABLES[table].published[name], OURS)

    expected = {
        ("table1", "open-vaccine-backbone"): (9.3, 10.2, "Transformer"),
        ("table1", "open-vaccine-all-atom"): (13.3, 15.3, "VNT"),
        ("table1", "ribonanza-backbone"): (1.5, 1.5, "G-Transformer"),
        ("table1", "ribonanza-all-atom"): (7.8, 8.4, "G-Transformer"),
        ("table2", "tc-ribo-backbone"): (0.4, 0.4, "Equiformer"),
        ("table2", "tc-ribo-all-atom"): (0.9, 0.9, "Transformer"),
        ("table3", "protein-md-backbone"): (2.2, 2.2, "FastEGNN"),
        ("table3", "protein-md-all-atom"): (8.5, 9.2, "EGNN"),
    }
    for (table, name), (gain, over_own, second) in expected.items():
        found = of(table, name)
        assert found["gain"] == pytest.approx(gain, abs=0.051), name
        assert found["gain_over_own"] == pytest.approx(over_own, abs=0.051), name
        assert found["second_best"] == second
    assert of("table1", "open-vaccine-backbone")["borne_out_by"] == ["G-Transformer (over its own)"]
    assert "VNT (over G-Hyena's)" in of("table1", "open-vaccine-all-atom")["borne_out_by"]
    assert not any("its own" in row for row in of("table3", "protein-md-all-atom")["borne_out_by"])
    assert of("table2", "tc-ribo-backbone")["borne_out_by"] == []
    assert table1["ribonanza-backbone"].percent == "1.5"


def test_printed_values():
    assert [value_of(text) for text in (".515±.005", "2.27", "OOM", "NaN")] == [0.515, 2.27, None, None]
    assert published_column(["a", "b"], ".1±.2 -") == {"a": ".1±.2"}
    with pytest.raises(ValueError, match="1 values for 2 rows"):
        published_column(["a", "b"], ".1")


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    """Files where sources look for theirs; what is in them is not looked at."""
    folder = tmp_path_factory.mktemp("data")
    for source in SOURCES:
        for name in source.files:
            (folder / source.folder).mkdir(exist_ok=True)
            (folder / source.folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("budget", ["quick", pytest.param("paper", marks=pytest.mark.slow)])
def test_every_column_has_its_rows_at_equal_size(budget, data_folder, tmp_path):
    pytest.importorskip("MDAnalysisTests")
    pytest.importorskip("RNA")
    pytest.importorskip("biotite")
    jobs = {}
    for table in TABLES.values():
        plans, missing = plan_table(table, tmp_path, budget, Choices(places=Places(str(data_folder))))
        assert not missing
        assert [plan.sweep.name for plan in plans] == [column.name for column in table.columns]
        for plan in plans:
            assert plan.reduced == (budget == "quick")
            assert {job.cell.model for job in plan.jobs} | set(plan.left_out) == {
                row.name for row in table.rows
            }
            assert len({job.run.path for job in plan.jobs}) == len(plan.jobs)
            jobs[table.name, plan.sweep.name] = {(j.cell.model, j.cell.seed): j.run.path for j in plan.jobs}
    # What tables have in common is run once.
    for shared in ("egnn", "geometric-hyena"):
        key = ("open-vaccine-all-atom", (shared, 0))
        assert jobs["table1", key[0]][key[1]] == jobs["table4", key[0]][key[1]]
    full = ("geometric-hyena", 0)
    assert jobs["table1", "ribonanza-all-atom"][full] == jobs["table5", "ribonanza-all-atom"][full]


def test_published_columns_belong_to_columns_and_rows():
    for table in TABLES.values():
        labels = {row.label for row in table.rows}
        for name, printed in table.published.items():
            assert name in {column.name for column in table.columns}
            assert printed.keys() <= labels
        assert {claim.column for claim in table.claims} <= table.published.keys()
        for sweep in table.columns:
            assert sweep.models == tuple(row.name for row in table.rows)
            assert all(sweep.row(name)["model"] in MODELS for name in sweep.models)
    assert len(TABLES["table3"].rows) >= 8


def test_runs_do_not_depend_on_where_data_lie(data_folder, tmp_path):
    pytest.importorskip("RNA")

    def names(folder):
        choices = Choices(models=["geometric-hyena"], settings=["open-vaccine-backbone"])
        plans, _ = plan_table(
            TABLES["table4"], tmp_path, "quick", replace(choices, places=Places(str(folder)))
        )
        return [job.cell.name for plan in plans for job in plan.jobs]

    moved = shutil.copytree(data_folder, tmp_path / "moved")
    before = names(data_folder)
    assert names(moved) == before
    other = shutil.copytree(data_folder, tmp_path / "other")
    (other / "open_vaccine" / "train.json").write_text("another")
    assert names(other) != before


def test_a_source_is_found_by_path_folder_variable_and_cache(data_folder, tmp_path, monkeypatch):
    by_name = {source.name: source for source in SOURCES}
    adk, vaccine = by_name["adk-equilibrium"], by_name["open-vaccine"]
    file = data_folder / "open_vaccine" / "train.json"
    for places in (
        Places(str(data_folder)),
        Places(given={"open-vaccine": str(file)}),
        Places(given={"open-vaccine": str(file.parent)}),
    ):
        assert vaccine.locate(places) == {"data": {"path": str(file.resolve())}}
    monkeypatch.setenv("GHYENA_DATA", str(data_folder))
    assert vaccine.locate(Places()) == {"data": {"path": str(file.resolve())}}
    monkeypatch.setenv("GHYENA_DATA", str(tmp_path))
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    with pytest.raises(MissingDataError, match="download it with ghyena data adk-equilibrium"):
        adk.locate(Places())
    monkeypatch.setenv("GHYENA_CACHE", str(data_folder))
    files = adk.locate(Places())["data"]
    assert files["topology"].endswith("adk4AKE.psf")
    assert [Path(path).suffix for path in files["trajectory"]] == [".dcd"]
    with pytest.raises(MissingDataError) as found:
        vaccine.locate(Places(str(tmp_path)))
    assert str(tmp_path) in str(found.value)
    assert "DIR/open_vaccine" in found.value.general
    assert str(tmp_path) not in found.value.general
    with pytest.raises(InputError, match="there is no file"):
        adk.locate(Places(given={"adk-equilibrium": str(tmp_path)}))


def test_fewer_molecules_are_among_more_and_keep_their_split():
    records = tuple(RnaRecord(f"m{i}", "ACGU", "....", np.full((1, 1), i)) for i in range(20))
    splits = {"train": np.arange(10), "validation": np.arange(10, 15), "test": np.arange(15, 20)}
    data = RnaData(records, ("t",), "molecule", splits)

    def some(count, seed=0):
        return _some(data, OpenVaccineConfig(molecules=count, split_seed=seed))

    def ids(data):
        return {record.id for record in data.records}

    assert some(0) is data
    assert some(20) is data
    assert len(some(7)) == 7
    assert ids(some(3)) < ids(some(7))
    assert ids(some(7)) != ids(some(7, seed=1))
    few = some(12)
    assert few.splits is not None
    assert sorted(np.concatenate(list(few.splits.values()))) == list(range(12))
    for name, places in few.splits.items():
        assert {few.records[i].id for i in places} <= {records[i].id for i in splits[name]}


def test_a_diverged_run_is_an_outcome_and_another_failure_is_not():
    assert diverged("ghyena: the loss became nan in epoch 3, batch 1; checkpoints of earlier epochs are kept")
    assert diverged("ghyena: the loss became inf in epoch 0, batch 0")
    assert not diverged("ghyena: a.csv: cannot be read")
    assert not diverged("MemoryError")


@pytest.mark.slow
def test_an_rna_table_from_synthetic_molecules(tmp_path, monkeypatch):
    """Table 4 as it is but for its size: sketches, opponents beside one row alone."""
    pytest.importorskip("RNA")
    pytest.importorskip("biotite")
    (tmp_path / "open_vaccine").mkdir()
    draw = np.random.default_rng(0)
    sequences = ["".join(draw.choice(list("ACGU"), 12)) for _ in range(10)]
    rows = [construct(f"id{i}", sequence=text, structure="." * 12) for i, text in enumerate(sequences)]
    write_lines(tmp_path / "open_vaccine" / "train.json", rows)
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path / "cache"))
    started_here(monkeypatch)
    out = tmp_path / "out"
    words = ("--data", tmp_path, "--values", "open-vaccine-backbone", "--epochs", "1", "--out", out)
    assert ghyena("reproduce", "table4", "--models", "seq-egnn,geometric-hyena", *words) == 0
    page = (out / "table4.md").read_text()
    rows = rows_of(page.partition("## Size")[0])
    assert rows["G-Hyena"][0] == ".363±.045"
    assert float(rows["gru"][1]) > 0
    assert "a sketch built from secondary structure" in page
    parts = json.loads((out / "table4.json").read_text())["parts"]
    assert str(tmp_path) not in json.dumps(parts)
