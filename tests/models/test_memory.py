"""Predicted memory against memory measured, and what is refused because of it."""

from types import SimpleNamespace

import pytest
import torch

from geometric_hyena import GeometricGraph, collate
from geometric_hyena.benchmarks.measure import peak_bytes
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.neighbors import sequence_neighbors
from geometric_hyena.models.memory import has_tables, predicted_bytes
from geometric_hyena.models.registry import build_model
from geometric_hyena.training import memory_check
from geometric_hyena.training.config import NetworkConfig, RunConfig

SIZES = {"hidden_dim": 48, "vector_channels": 16, "blocks": 2}
NARROW = {"hidden_dim": 8, "vector_channels": 4, "blocks": 1}


def chain(length, neighbors=16):
    generator = torch.Generator().manual_seed(0)
    scalars, steps, vectors = (torch.randn(length, *s, generator=generator) for s in ((4,), (3,), (1, 3)))
    table = sequence_neighbors(length, neighbors // 2)
    return collate([GeometricGraph(scalars, steps.cumsum(0), vectors, neighbors=table)])


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["forward", "training"])
@pytest.mark.parametrize(
    ("name", "package", "sizes", "length", "neighbors"),
    [
        ("vn-transformer", "VN_transformer", SIZES, 1500, 16),
        ("vn-transformer", "VN_transformer", {**SIZES, "blocks": 4}, 1000, 16),
        ("equiformer", "equiformer_pytorch", SIZES, 500, 16),
        ("equiformer", "equiformer_pytorch", NARROW, 3000, 2),  # where the pairs outweigh the edges
    ],
)
def test_memory_is_predicted_within_a_factor_of_two(name, package, sizes, length, neighbors, training):
    pytest.importorskip(package)
    if peak_bytes(lambda: None) == -1:
        pytest.skip("peak memory is read from Linux's /proc")
    torch.manual_seed(0)
    model, batch = build_model(name, 4, 1, sizes).train(training), chain(length, neighbors)

    def run(batch=batch):
        with torch.set_grad_enabled(training):
            out = model(batch)
        if training:
            (out.scalars.square().sum() + out.vectors.square().sum()).backward()

    run(chain(20, neighbors))  # what is made once, gradients among it, does not count
    predicted = predicted_bytes(name, [length], {**sizes, "neighbors": neighbors}, training=training)
    # In a process that has run much else, freed memory that comes back in large pages may count, once.
    peak = min(peak_bytes(run, warm=True) for _ in range(2))
    assert 0.5 < predicted / peak < 2


def test_memory_grows_as_tables_do():
    one, two = (predicted_bytes("vn-transformer", [n], SIZES, training=True) for n in (40_000, 80_000))
    assert two / one == pytest.approx(4, rel=0.03)
    both = predicted_bytes("vn-transformer", [40_000, 40_000], SIZES, training=True)
    assert both == pytest.approx(2 * one)
    assert predicted_bytes("vn-transformer", [40_000], SIZES, training=False) < one
    alone, four = (predicted_bytes("equiformer", [5000] * n, SIZES, training=False) for n in (1, 4))
    assert alone == four  # one molecule at a time
    assert has_tables("equiformer")
    assert not has_tables("g-transformer")  # its attention is fused


@pytest.fixture
def one_gib_free(monkeypatch):
    monkeypatch.setattr(memory_check, "free_bytes", lambda device: 1 << 30)


def run_config(model, **values):
    return RunConfig(model=model, accelerator="cpu", network=NetworkConfig(blocks=2), **values)


def test_what_will_not_fit_is_refused_before_it_starts(one_gib_free, capsys):
    small, large = (SimpleNamespace(largest=lambda n=n: n) for n in (300, 10_000))
    config = run_config("vn-transformer")
    memory_check.check_training(small, config, force=False)
    with pytest.raises(InputError) as caught:
        memory_check.check_training(large, config, force=False)
    said = str(caught.value)
    assert said.startswith(
        "model: vn-transformer holds tables of N x N: for 10,000 tokens it is predicted to"
    )
    assert "in training, and 1 GiB are free; take fewer atoms" in said
    assert said.endswith("or go on with --force")
    memory_check.check_training(large, config, force=True)
    assert "are free; going on" in capsys.readouterr().err
    memory_check.check_training(large, run_config("geometric-hyena"), force=False)


def test_batches_count_whole_and_so_do_those_of_evaluation(one_gib_free):
    task = SimpleNamespace(largest=lambda: 2500)
    with pytest.raises(InputError, match=r"for 3 molecules of up to 2,500 tokens .* in training"):
        memory_check.check_training(task, run_config("vn-transformer", batch_size=3), force=False)
    with pytest.raises(InputError, match=r"for 4 molecules of up to 2,500 tokens .* to predict"):
        memory_check.check_training(task, run_config("vn-transformer"), force=False)


def test_each_batch_is_checked_before_it_is_predicted_for(one_gib_free):
    check = memory_check.prediction_check(run_config("vn-transformer"), force=False)
    check([1000])
    with pytest.raises(InputError, match="to predict, and 1 GiB are free"):
        check([10_000])
    assert memory_check.prediction_check(run_config("egnn"), force=False) is None


def test_what_is_forced_is_said_once(one_gib_free, capsys):
    check = memory_check.prediction_check(run_config("vn-transformer"), force=True)
    for length in (10_000, 10_000, 20_000):
        check([length])
    assert capsys.readouterr().err.count("going on") == 1
