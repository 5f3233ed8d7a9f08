"""What is said of 10^8 tokens follows from what was measured; the costs count what is sent."""

import json

import pytest
import torch

from geometric_hyena.benchmarks import context_parallel, local_ranks
from geometric_hyena.benchmarks.run import redraw, run_benchmark
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.distributed.costs import Channels, Network, busiest_bytes, surplus_bytes
from geometric_hyena.errors import GHyenaError


def test_transposition_moves_the_least_of_a_distributed_fft_where_channels_are_even():
    for ranks in (2, 4, 8):
        cost = Channels(16, 4)
        assert cost.transposition(ranks) == cost.four_step_least(ranks) == cost.four_step(ranks) / 2
    assert Channels(3, 1).transposition(2) == 3 * 2  # two of three channels, of half the tokens
    assert Channels(1, 4).transposition(8) > Channels(1, 4).four_step(8)


def test_the_busiest_rank_takes_the_better_way_for_scalars_and_for_pairs():
    assert busiest_bytes(80, 16, 8, False) == 4 * 3 * (80 + 4 * 16) * 7 / 8
    assert busiest_bytes(80, 16, 8, True) == 2 * busiest_bytes(80, 16, 8, False)
    # 64 ranks: two of 80 channels each at most; of 16 pairs a distributed FFT, which is the same for all.
    assert busiest_bytes(80, 16, 64, False) == 4 * (3 * 2 * 63 + 2 * 3 * 4 * 16 * 63 / 64)
    assert surplus_bytes(80, 16, 8) == 0
    assert surplus_bytes(80, 16, 64) == 4 * 3 * (2 * 64 - 80)


def test_what_leaves_a_node_takes_the_slower_links():
    network = Network(node=8, inside=450e9, between=50e9)
    assert network.seconds(450e9, 8) == pytest.approx(1)
    assert network.seconds(63e9, 64) == pytest.approx(56 / 50)


@pytest.fixture
def measured(monkeypatch):
    """Processes that share memory perfectly, but for a tenth, and send what the model says."""

    def on_ranks(function, ranks, length):
        def one(peak, times):
            sent = {
                "transposition for the convolution": times * 1728 * (ranks - 1) / ranks * length / ranks,
                "sum over all tokens": 64,
            }
            return {"peak": int(peak * length / ranks * (1.1 if ranks > 1 else 1)), "sent": sent, "halo": 0}

        return [{"forward": one(3000, 1), "training": one(7000, 2)}] * ranks

    monkeypatch.setattr(context_parallel, "on_ranks", on_ranks)
    monkeypatch.setattr(context_parallel, "check", lambda *a: None)


def test_record_table_and_figure(tmp_path, measured):
    text = run_benchmark("context-parallel", tmp_path / "a", Settings(quick=True))
    record = json.loads((tmp_path / "a/context-parallel.json").read_text())
    assert [row["processes"] for row in record["rows"]] == [1, 1, 2, 2, 4, 4]
    for row in record["rows"][2:]:
        assert row["x processes / one's"] == pytest.approx(1.1, rel=1e-4)
        assert row["of the four-step FFT's least"] == pytest.approx(1)
        assert row["model / sent"] == pytest.approx(1, abs=1e-3)
    assert all(target["holds"] for target in record["targets"])
    at_64 = next(fit for fit in record["fits"] if fit["GPUs"] == 64 and fit["mode"] == "training")
    own = 100_000_000 / 64
    assert at_64["GiB of each"] == pytest.approx(own * (7700 + surplus_bytes(80, 16, 64)) / 2**30, rel=1e-3)
    assert (at_64["scalars"], at_64["pairs"]) == ("transposed", "four-step")
    assert redraw("context-parallel", tmp_path / "a/context-parallel.json", tmp_path / "b") == text
    assert (tmp_path / "b/context-parallel.svg").stat().st_size > 1000


def fail(number):
    raise ValueError("of no use")


@pytest.mark.slow
def test_a_failure_on_a_process_is_told():
    with pytest.raises(GHyenaError, match="a run on 2 processes failed: ValueError: of no use"):
        local_ranks.on_ranks(fail, 2, 0)


@pytest.mark.slow
def test_two_processes_agree_with_one():
    context_parallel.check(Settings(quick=True), torch.device("cpu"))
