"""Figure 1 on a GPU, here at tiny sizes on the CPU, and with blocks that only pretend."""

import contextlib
import itertools
import json
import time
from types import SimpleNamespace

import pytest
import torch

from geometric_hyena.benchmarks import measure
from geometric_hyena.benchmarks.one_block import FUSED, MATERIALISED, MODES, OURS
from geometric_hyena.geometry.neighbors import pack_neighbors, sequence_neighbors
from geometric_hyena.gpu_evidence import figure1, one_size
from geometric_hyena.gpu_evidence.device import capped, first_gpu, says_out_of_memory
from geometric_hyena.gpu_evidence.figure1 import climb
from geometric_hyena.gpu_evidence.figure1_page import write_page
from geometric_hyena.gpu_evidence.ladder import FAILED, MEASURED, OUT_OF_MEMORY, TOO_LONG
from geometric_hyena.memory import GIB

CPU = torch.device("cpu")
TINY = (48, 96)
BLOCKS = (OURS, FUSED, MATERIALISED)


def later():
    return time.monotonic() + 600


@pytest.fixture(scope="module")
def tiny():
    """Really measured, if briefly; read only."""
    saved = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_TURN", 0.01)
        found = climb({}, CPU, later(), sizes=TINY, channels=2, save=saved.append)
    assert [len(outcome.content["rows"]) for outcome in saved][-1] == len(found.content["rows"])
    return found


def test_every_block_is_measured_at_every_size(tiny):
    rows = tiny.content["rows"]
    assert tiny.state == "done"
    cells = {(row["model"], row["mode"], row["N"]) for row in rows}
    assert cells == {(model, mode, n) for model in BLOCKS for mode in MODES for n in TINY}
    assert all(row["outcome"] == MEASURED and row["seconds"] > 0 for row in rows)
    assert all(row["peak bytes"] >= row["input bytes"] > 48 * 4 * (80 + 3 * 2) for row in rows)
    assert "a CPU's memory cannot be capped at 24 GiB" in tiny.content["notes"][0]


def test_the_next_call_measures_nothing_again(tiny, monkeypatch):
    monkeypatch.setattr(figure1, "measured", None)
    earlier = json.loads(json.dumps(tiny.content))
    again = climb(earlier, CPU, later(), sizes=TINY, channels=2)
    assert again.state == "done"
    assert again.content["rows"] == earlier["rows"]


def test_page_and_figure(tiny, tmp_path):
    page = write_page(tiny.content["rows"], "figure1", "A title", tmp_path)
    assert (tmp_path / "figure1.md").read_text() == page
    assert (tmp_path / "figure1.svg").read_text().startswith("<?xml")
    assert f"| none | {OURS} | forward | 96 |" in page
    assert "| tokens of ours, 24 GiB | 2,700,000 | - |" in page


def test_the_chain_is_that_of_the_benchmarks():
    geometry = one_size.long_chain(20, CPU)
    table = pack_neighbors([sequence_neighbors(20, 8)], [20], 16)
    assert torch.equal(geometry.index, table.index)
    assert torch.equal(geometry.coefficients[..., 0] == 1, table.mask)
    offsets = (geometry.positions[:, None] - geometry.positions[table.index]) * table.mask[..., None]
    torch.testing.assert_close(geometry.coefficients[..., 1:], offsets / 16)
    torch.testing.assert_close(geometry.edges[..., 0], offsets.square().sum(-1) / 100)


def test_blocks_are_given_what_a_block_before_would_leave():
    held = one_size.prepare(OURS, "forward", 32, 2, CPU).held
    more = one_size.prepare(OURS, "training", 32, 2, CPU).held
    assert more - held == 4 * 32 * (80 + 3 * 2)  # the incoming gradient
    scalars, vectors = one_size.prepare(OURS, "forward", 32, 2, CPU).call()
    assert scalars.shape == (32, 80)
    assert vectors.shape == (32, 2, 3)
    assert scalars.isfinite().all()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB"), OUT_OF_MEMORY),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), OUT_OF_MEMORY),
        (MemoryError(), OUT_OF_MEMORY),
        (RuntimeError("an illegal memory access\nand more"), FAILED),
    ],
)
def test_where_memory_ends_is_an_outcome(error, outcome, monkeypatch):
    def fails(*_):
        raise error

    monkeypatch.setattr(one_size, "prepare", fails)
    row = one_size.measured(OURS, "forward", 64, 2, CPU)
    assert row["outcome"] == outcome
    assert row.get("why") == (None if outcome == OUT_OF_MEMORY else "an illegal memory access")


def test_other_errors_are_not_taken_for_the_end_of_memory():
    assert not says_out_of_memory(ValueError("out of memory"))


def test_on_a_cpu_a_cap_does_nothing():
    with capped(1, CPU):
        assert torch.ones(10).sum() == 10


def test_a_cap_is_a_part_of_the_memory_and_is_taken_away_again(monkeypatch):
    """As torch.cuda has it, which takes no device without a number."""
    parts = []

    def cap(fraction, device):
        parts.append((fraction, torch.cuda._utils._get_device_index(device)))

    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: SimpleNamespace(total_memory=96 * GIB))
    monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", cap)
    with contextlib.suppress(ZeroDivisionError), capped(24 * GIB, first_gpu()):
        assert parts == [(0.25, 0)]
        raise ZeroDivisionError
    assert parts[1:] == [(1.0, 0)]
    for without in (None, 96 * GIB):
        with capped(without, first_gpu()):
            assert len(parts) == 2


@pytest.fixture
def laws(monkeypatch):
    """A GPU of 80 GiB that only pretends: ours linear in time and memory, one twin slow, the other large."""
    caps, calls = [80 * GIB], []
    seconds = {
        OURS: lambda n: 1e-7 * n,
        FUSED: lambda n: 1e-10 * n * n,
        MATERIALISED: lambda n: 1e-10 * n * n,
    }
    need = {OURS: lambda n: 7000 * n, FUSED: lambda n: 7000 * n, MATERIALISED: lambda n: 12 * n * n}

    def measured(model, mode, length, channels, device):
        row = {"model": model, "mode": mode, "N": length}
        calls.append((caps[-1], model, mode, length))
        if need[model](length) > caps[-1]:
            return row | {"outcome": OUT_OF_MEMORY}
        peak = need[model](length)
        used = {"bytes per token": peak / length, "input bytes": 0, "peak bytes": peak}
        return row | {"outcome": MEASURED, "seconds": seconds[model](length), **used}

    @contextlib.contextmanager
    def pretended(cap, device):
        caps.append(cap or 80 * GIB)
        yield
        caps.pop()

    monkeypatch.setattr(figure1.one_block, "check", lambda channels, device: None)
    monkeypatch.setattr(figure1, "measured", measured)
    monkeypatch.setattr(figure1, "capped", pretended)
    monkeypatch.setattr(figure1, "cap_matters", lambda cap, device: cap is not None)
    # Nothing is held, and to look for it after each of hundreds of sizes takes minutes.
    monkeypatch.setattr(figure1, "release", lambda: None)
    return calls


def test_longest_contexts_with_and_without_a_cap(laws, tmp_path):
    found = climb({}, CPU, later())
    assert found.state == "done"
    longest = {}
    for row in found.content["rows"]:
        if row["outcome"] == MEASURED:
            key = row["cap GiB"], row["model"], row["mode"]
            longest[key] = max(longest.get(key, 0), row["N"])
    for cap, room in ((None, 80 * GIB), (24, 24 * GIB)):
        assert room / 7000 / 1.2 < longest[cap, OURS, "forward"] <= room / 7000
        assert (room / 12) ** 0.5 / 1.2 < longest[cap, MATERIALISED, "training"] <= (room / 12) ** 0.5
        # patience ends before memory
        assert 1e-10 * longest[cap, FUSED, "forward"] ** 2 <= figure1.LIMIT
    assert {row["outcome"] for row in found.content["rows"]} == {MEASURED, OUT_OF_MEMORY, TOO_LONG}
    assert len(laws) == len(set(laws))
    # what is small costs the same under a cap
    assert min(n for cap, model, _, n in laws if cap == 24 * GIB and model == OURS) >= 1 << 20
    page = write_page(found.content["rows"], "figure1", "A title", tmp_path)
    assert f"| tokens of ours / {MATERIALISED}, 24 GiB | 72 |" in page
    assert "| too long |" in page


def test_out_of_time_it_keeps_what_it_has_and_goes_on(laws, monkeypatch):
    whole = climb({}, CPU, later()).content["rows"]
    laws.clear()
    clock = itertools.count()
    monkeypatch.setattr(figure1, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    states, rows = [], []
    while not states or states[-1] == "unfinished":
        found = climb({"rows": rows}, CPU, next(clock) + 70)
        rows = json.loads(json.dumps(found.content["rows"]))
        states.append(found.state)
        assert (found.state == "done") != ("the next call goes on" in found.note)
    assert len(states) > 1
    assert states[-1] == "done"
    assert rows == whole
    assert len(laws) == len(set(laws))


def test_without_time_nothing_is_begun(laws):
    found = climb({}, CPU, time.monotonic() - 1)
    assert (found.state, found.content["rows"], laws) == ("unfinished", [], [])


def test_a_gpu_that_is_broken_ends_the_part_and_not_the_results(laws, monkeypatch):
    real = figure1.measured

    def breaks(model, mode, length, channels, device):
        row = real(model, mode, length, channels, device)
        if (model, length) == (FUSED, 4096):
            return {key: row[key] for key in ("model", "mode", "N")} | {"outcome": FAILED, "why": "illegal"}
        return row

    monkeypatch.setattr(figure1, "measured", breaks)
    monkeypatch.setattr(figure1, "still_answers", lambda device: False)
    found = climb({}, CPU, later())
    assert found.state == "failed"
    assert "4,096 tokens of fused attention: illegal" in found.note
    assert sum(row["outcome"] == MEASURED for row in found.content["rows"]) > 5
    monkeypatch.setattr(figure1, "still_answers", lambda device: True)
    found = climb(found.content, CPU, later())
    assert found.state == "failed"
    assert max(row["N"] for row in found.content["rows"] if row["model"] == OURS) > 1 << 20


def test_nothing_is_timed_that_is_not_equivariant(monkeypatch, laws):
    def wrong(channels, device):
        raise AssertionError("Tensor-likes are not close!")

    monkeypatch.setattr(figure1.one_block, "check", wrong)
    found = climb({}, CPU, later())
    assert found.state == "failed"
    assert "nothing is timed: Tensor-likes are not close!" in found.note
    assert not laws
