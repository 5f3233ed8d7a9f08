"""Time and memory are measured where they arise, and long calls are not repeated."""

import pytest
import torch

from geometric_hyena.benchmarks import measure
from geometric_hyena.benchmarks.measure import interleaved_medians, peak_bytes, times_and_peaks
from geometric_hyena.errors import InputError
from geometric_hyena.memory import memory_size, spoken_size
from geometric_hyena.operators.workspace import scratch

on_linux = pytest.mark.skipif(peak_bytes(lambda: None) == -1, reason="peak memory is read from Linux's /proc")


def test_medians():
    medians = interleaved_medians({"short": lambda: None, "long": lambda: sum(range(20_000))}, repeats=3)
    assert medians["long"] > medians["short"]


def test_turns_alternate():
    turns = []
    interleaved_medians({name: lambda name=name: turns.append(name) for name in "ab"}, repeats=2)
    groups = [name for i, name in enumerate(turns) if i == 0 or turns[i - 1] != name]
    assert groups[-4:] == ["a", "b", "a", "b"]


def test_long_calls_run_once(monkeypatch):
    monkeypatch.setattr(measure, "PATIENCE", 0.0)
    for take in (interleaved_medians, times_and_peaks):
        calls = []
        take({"only": lambda calls=calls: calls.append(1)})
        assert len(calls) == 1


@on_linux
def test_peaks():
    found = times_and_peaks({"held": lambda: torch.ones(20_000_000), "none": lambda: None}, repeats=1)
    assert 60e6 < found["held"].bytes < 200e6
    assert found["none"].bytes < 20e6


@on_linux
def test_scratch_memory_counts():
    def call():
        return scratch("test", (8_000_000,), torch.float32, torch.device("cpu")).fill_(1)

    assert peak_bytes(call) > 25e6


@pytest.mark.parametrize(
    ("text", "size"),
    [("24GiB", 24 << 30), ("500 MiB", 500 << 20), ("1.5gib", 3 << 29), ("8GB", 8 * 10**9), ("64 B", 64)],
)
def test_sizes_of_memory(text, size):
    assert memory_size(text, "--memory") == size


@pytest.mark.parametrize("text", ["", "24", "lots", "-1GiB", "0GiB", "1.2.3GiB", "4GiBs", "nanGiB"])
def test_what_is_no_size_of_memory(text):
    with pytest.raises(InputError, match="--memory: expected a size of memory such as 24GiB"):
        memory_size(text, "--memory")


def test_sizes_as_text():
    assert [spoken_size(x) for x in (24 << 30, 13.5 * 2**20, 2000, 3)] == [
        "24 GiB", "13.5 MiB", "1.95 KiB", "3 bytes"
    ]  # fmt: skip
