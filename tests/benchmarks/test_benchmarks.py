"""What is compared with ours computes the same, and a benchmark refuses to time what is wrong."""

import json

import pytest
import torch

from geometric_hyena.benchmarks import block, measure, messages, operator, peers, scaling, streaming
from geometric_hyena.benchmarks.run import markdown, redraw, run_benchmark
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.errors import GHyenaError, InputError
from geometric_hyena.operators import geometric_long_conv, vector_long_conv

CPU = torch.device("cpu")


def pairs(length=21, channels=2):
    tensors = []
    for _ in range(2):
        tensors += [
            torch.randn(2, length, channels, dtype=torch.float64),
            torch.randn(2, length, channels, 3, dtype=torch.float64),
        ]
    return tensors


def test_the_papers_ways_agree_with_ours():
    tensors, weights = pairs(), torch.randn(5, 2, dtype=torch.float64)
    for theirs, ours in zip(
        peers.sixteen_convolutions(*tensors, weights), geometric_long_conv(*tensors, weights), strict=True
    ):
        torch.testing.assert_close(theirs, ours)
    outer = peers.vector_convolution_by_outer_product(tensors[1], tensors[3])
    torch.testing.assert_close(outer, vector_long_conv(tensors[1], tensors[3]))


def test_the_fused_twin_takes_the_fused_path():
    from torch.nn.attention import SDPBackend, sdpa_kernel

    from geometric_hyena.benchmarks.one_block import FUSED, prepare

    calls = prepare(FUSED, 40, 2, CPU)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # anything else is an error
        calls["forward"].call()
        calls["training"].call()


@pytest.mark.parametrize("module", [operator, messages, block, scaling, streaming])
def test_checks_pass(module):
    module.check(Settings(channels=2), CPU)


def test_nothing_is_timed_where_the_check_fails(tmp_path, monkeypatch):
    def wrong(*arguments, **options):
        scalar, vector = geometric_long_conv(*arguments, **options)
        return scalar * 1.001, vector

    monkeypatch.setattr(operator, "geometric_long_conv", wrong)
    monkeypatch.setattr(operator, "rows", lambda *a: pytest.fail("timed all the same"))
    with pytest.raises(GHyenaError, match="benchmark operator: its correctness check fails"):
        run_benchmark("operator", tmp_path / "new")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small(monkeypatch):
    """All benchmarks at sizes that take no time; the checks have a test of their own."""
    for module in (operator, block, scaling):
        monkeypatch.setattr(module, "LENGTHS", (32, 37))
    for module in (operator, block):
        monkeypatch.setattr(module, "CHANNELS", (1, 2))
    monkeypatch.setattr(messages, "QUICK_TOKENS", 60)
    monkeypatch.setattr(streaming, "_PARTS", (20_000,))
    for module in (operator, messages, block, scaling, streaming):
        monkeypatch.setattr(module, "check", lambda *a: None)
    monkeypatch.setattr(measure, "PATIENCE", 0.0)  # every call once


@pytest.mark.parametrize("name", ["operator", "messages", "block", "scaling", "streaming"])
def test_writes_record_table_and_figure_and_draws_them_again(name, tmp_path, small):
    text = run_benchmark(name, tmp_path / "a", Settings(quick=True, channels=2))
    record = json.loads((tmp_path / "a" / f"{name}.json").read_text())
    assert "REDUCED" in text
    assert f"]({name}.svg)" in text
    assert record["reduced"] is True
    assert record["rows"]
    assert {"command", "environment", "threads", "title"} <= record.keys()
    again = redraw(name, tmp_path / "a" / f"{name}.json", tmp_path / "b")
    assert again == text
    for file in (f"{name}.md", f"{name}.svg"):
        assert (tmp_path / "a" / file).read_text() == (tmp_path / "b" / file).read_text()


def test_rows_of_the_operator(tmp_path, small):
    run_benchmark("operator", tmp_path, Settings(quick=True))
    rows = json.loads((tmp_path / "operator.json").read_text())["rows"]
    assert [(row["N"], row["C"]) for row in rows] == [(n, c) for n in (32, 37) for c in (1, 2)]


def test_without_matplotlib_the_measurement_is_kept(tmp_path, small, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(GHyenaError, match="matplotlib"):
        run_benchmark("operator", tmp_path, Settings(quick=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["operator.json", "operator.md"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"benchmark": "block"}', '{"benchmark": "block", "rows": 3}']
)
def test_what_is_no_record_is_not_drawn(tmp_path, content):
    file = tmp_path / "block.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"block\.json: is no record"):
        redraw("block", file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_record_of_another_benchmark_is_not_drawn(tmp_path):
    (tmp_path / "a.json").write_text('{"benchmark": "operator"}')
    with pytest.raises(InputError, match=r"a\.json: holds the benchmark 'operator', not 'block'"):
        redraw("block", tmp_path / "a.json", tmp_path)


def test_unknown_benchmark(tmp_path):
    with pytest.raises(InputError, match="there is no 'speed'"):
        run_benchmark("speed", tmp_path)


def test_markdown():
    table = markdown([{"a": 1.23456, "b": None, "c": True}, {"a": 12345.6, "b": 7, "c": False}])
    assert table.splitlines()[2:] == ["| 1.23 | - | yes |", "| 12,346 | 7 | NO |"]
