"""What is compared with ours computes the same, and a benchmark refuses to time what is wrong."""

import json

import pytest
import torch

from geometric_hyena.benchmarks import block, messages, operator, peers
from geometric_hyena.benchmarks.measure import interleaved_medians, peak_bytes
from geometric_hyena.benchmarks.run import markdown, run_benchmark
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


@pytest.mark.parametrize("module", [operator, messages, block])
def test_checks_pass(module):
    module.check(CPU)


def test_nothing_is_timed_where_the_check_fails(tmp_path, monkeypatch):
    def wrong(*arguments, **options):
        scalar, vector = geometric_long_conv(*arguments, **options)
        return scalar * 1.001, vector

    monkeypatch.setattr(operator, "geometric_long_conv", wrong)
    monkeypatch.setattr(operator, "rows", lambda *a: pytest.fail("timed all the same"))
    with pytest.raises(GHyenaError, match="benchmark operator: its correctness check fails"):
        run_benchmark("operator", tmp_path)
    assert not list(tmp_path.iterdir())


def test_writes_table_and_record(tmp_path, monkeypatch):
    monkeypatch.setattr(operator, "LENGTHS", (64, 67))
    monkeypatch.setattr(operator, "CHANNELS", (1, 2))
    text = run_benchmark("operator", tmp_path, quick=True)
    record = json.loads((tmp_path / "operator.json").read_text())
    assert "REDUCED" in text
    assert record["reduced"] is True
    assert [row["N"] for row in record["rows"]] == [64, 64, 67, 67]
    assert {"command", "environment", "threads"} <= record.keys()


def test_unknown_benchmark(tmp_path):
    with pytest.raises(InputError, match="there is no 'speed'"):
        run_benchmark("speed", tmp_path)


def test_measures():
    medians = interleaved_medians({"short": lambda: None, "long": lambda: sum(range(20_000))}, repeats=3)
    assert medians["long"] > medians["short"]
    held = peak_bytes(lambda: torch.ones(20_000_000))
    assert held == -1 or 60e6 < held < 200e6


def test_markdown():
    table = markdown([{"a": 1.23456, "b": None, "c": True}, {"a": 12345.6, "b": 7, "c": False}])
    assert table.splitlines()[2:] == ["| 1.23 | - | yes |", "| 12,346 | 7 | NO |"]
