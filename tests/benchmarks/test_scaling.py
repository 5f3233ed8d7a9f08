"""Fits find the laws they are given, models stop at their limits, and budgets are answered."""

import pytest
import torch

from geometric_hyena.benchmarks import growth, scaling, sizes
from geometric_hyena.benchmarks.measure import Measured
from geometric_hyena.benchmarks.one_block import FUSED, MATERIALISED, MODES, OURS, Prepared
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.errors import InputError
from geometric_hyena.memory import GIB

CPU = torch.device("cpu")
SIZES = [1024, 4096, 32_768, 65_536, 262_144]


def test_exponents_are_fitted_over_the_large_sizes():
    values = [5.0, 5.0, *(3e-6 * n**1.25 for n in SIZES[2:])]
    assert growth.exponent(SIZES, values) == pytest.approx(1.25)
    assert growth.exponent(SIZES[:2], [1.0, 16.0]) == pytest.approx(2)
    assert growth.exponent([1024], [1.0]) is None


def test_bytes_per_token_leave_out_what_does_not_grow():
    assert growth.per_token(SIZES, [7e6 + 2200 * n for n in SIZES]) == pytest.approx(2200)


def test_largest_size_within_a_budget():
    linear, square = [2000 * n for n in SIZES], [n * n for n in SIZES]
    assert growth.largest_within(24 * GIB, SIZES, linear) == pytest.approx(24 * GIB / 2000, rel=1e-6)
    assert growth.largest_within(GIB, SIZES[:3], square[:3]) == pytest.approx(32_768, rel=1e-3)
    assert growth.largest_within(16 * GIB, SIZES[:3], square[:3]) == pytest.approx(4 * 32_768, rel=1e-3)
    assert growth.largest_within(2000 * 50_000, SIZES, linear) == pytest.approx(50_000, rel=1e-3)
    assert growth.largest_within(1000, SIZES, linear) == 0
    assert growth.largest_within(1 << 60, SIZES, linear) is None


def test_what_falls_is_not_expected_to_go_on_falling():
    assert growth.expected([1000, 2000], [50.0, 40.0], 4000) == 80


def called(calls, repeats):
    """In place of measuring: what the calls say of themselves."""
    return {name: call() for name, call in calls.items()}


@pytest.fixture
def laws(monkeypatch):
    """Models that only pretend: ours linear in time and memory, one peer slow, the other large."""
    spent = {
        OURS: lambda n: Measured(1e-5 * n, 2000 * n),
        FUSED: lambda n: Measured(2e-8 * n * n, 2000 * n),
        MATERIALISED: lambda n: Measured(2e-8 * n * n, 16 * n * n),
    }
    monkeypatch.setattr(
        scaling,
        "MODELS",
        {
            name: lambda n, law=law, **_: {mode: Prepared(lambda: law(n), 1000 * n) for mode in MODES}
            for name, law in spent.items()
        },
    )
    for module in (scaling, sizes):
        monkeypatch.setattr(module, "times_and_peaks", called)
    monkeypatch.setattr(sizes, "free_bytes", lambda device: 100 * GIB)


def largest(rows, name):
    return max(row["N"] for row in rows if row["model"] == name and row["mode"] == "training")


def test_models_stop_at_their_limits(laws):
    rows = list(scaling.rows(Settings(limit=60, limit_memory=12 * GIB), CPU))
    assert largest(rows, OURS) == 2_000_000
    assert largest(rows, FUSED) == 32_768  # 21 s; the next would take 86
    assert largest(rows, MATERIALISED) == 16_384  # 4 GiB; the next would take 16
    rows = list(scaling.rows(Settings(limit=1, limit_memory=GIB), CPU))
    assert largest(rows, OURS) == 262_144  # time is no limit for ours, memory is
    assert largest(rows, FUSED) == 4096
    assert largest(list(scaling.rows(Settings(quick=True), CPU)), OURS) == 65_536


def test_no_call_takes_more_than_the_memory_there_is(laws, monkeypatch):
    monkeypatch.setattr(sizes, "free_bytes", lambda device: GIB)
    assert largest(list(scaling.rows(Settings(), CPU)), OURS) == 262_144


def test_fits_and_targets(laws):
    settings = Settings()
    rows = list(scaling.rows(settings, CPU))
    fits = {(fit["model"], fit["mode"]): fit for fit in scaling.fits(rows, settings)}
    ours, fused = fits[OURS, "forward"], fits[FUSED, "training"]
    assert ours["exponent of time"] == pytest.approx(1)
    assert fused["exponent of time"] == pytest.approx(2)
    assert ours["bytes per token"] == pytest.approx(2000)
    assert ours["largest N in 24 GiB"] == pytest.approx(24 * GIB / 3000, rel=1e-6)
    held = {target["what"]: target["holds"] for target in scaling.targets(rows, settings)}
    assert held["bytes per token, forward, N = 1M"] is True
    assert held["tokens forward in 24 GiB with inputs"] is False
    assert held["exponent of time, training, 32k to 1M"] is True


def test_a_budget_that_cannot_be_met_says_what_would_fit(laws):
    with pytest.raises(InputError) as caught:
        scaling._check_budget(Settings(memory=1 << 20, channels=80), CPU)
    text = str(caught.value)
    assert "--memory 1 MiB: one block of H = 80, C = 80 needs at least 2.93 MiB forward" in text
    assert "at 1 GiB about N = 357,914 tokens fit forward" in text
    scaling._check_budget(Settings(memory=3 << 20), CPU)
