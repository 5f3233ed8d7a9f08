"""A streamed model says what the model says, with its features on disk a block at a time."""

import os
from functools import partial

import numpy as np
import pytest
import torch

from geometric_hyena import GeometricGraph, GeometricHyena, GTransformer, InputError, collate
from geometric_hyena.benchmarks.measure import peak_bytes
from geometric_hyena.benchmarks.streaming import make_model, write_chain
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.memory import resident_bytes
from geometric_hyena.models.geometric_hyena import SWITCHES
from geometric_hyena.operators.kernels import kernels
from geometric_hyena.streaming import BatchFiles, plan, stream
from geometric_hyena.streaming.disk import RowArray, scratch_folder

LENGTHS = (37, 40, 1, 12, 12)
SIZES = {"scalar_dim": 4, "hidden_dim": 10, "vector_channels": 3, "blocks": 2}


def graphs(lengths=LENGTHS, vectors=0, edges=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    for length in lengths:
        graph = GeometricGraph(
            torch.randn(length, 4, generator=generator, dtype=dtype),
            3 * torch.randn(length, 3, generator=generator, dtype=dtype).cumsum(0),
            torch.randn(length, vectors, 3, generator=generator, dtype=dtype) if vectors else None,
        ).with_neighbors(5)
        if edges:
            shape = (*graph.neighbors.shape, edges)
            drawn = torch.randn(shape, generator=generator, dtype=dtype)
            graph = GeometricGraph(graph.scalars, graph.positions, graph.vectors, graph.neighbors, drawn)
        yield graph


def made(dtype=torch.float64, **options):
    torch.manual_seed(0)
    return GeometricHyena(**(SIZES | options)).to(dtype)


def assert_streams(model, batch, monkeypatch, rtol=1e-9, expected_of=None, chunk=16):
    """Blocks of two chunks, and channels in several parts: every loop goes round."""
    with torch.no_grad():
        expected = model(batch if expected_of is None else expected_of)
    monkeypatch.setattr(plan, "_LARGEST_BLOCK", 2 * chunk)
    monkeypatch.setattr(plan, "_MOST_CHANNELS", 2)
    with token_limits(chunk, 0):
        found = stream(model, batch, memory="64GiB")
    for name in ("scalars", "vectors", "positions"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * float(theirs.abs().max()))
    assert float(found.vectors.abs().max()) > 0


CHOICES = [{name: value} for name, values in SWITCHES.items() for value in values]
CHOICES += [{"interaction": False}, {"long_conv": False}, {"local_messages": False}, {"distance_bumps": 3}]
CHOICES += [{"global_messages": False}, {"interaction": False, "padding": "zero"}, {"blocks": 1}]


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_the_same_numbers_with_every_switch(options, monkeypatch):
    assert_streams(made(**options), collate(list(graphs())), monkeypatch)


@pytest.mark.parametrize("choice", ["torch", "native"])
def test_the_same_numbers_in_single_precision(choice, monkeypatch):
    with kernels(choice):
        assert_streams(
            made(torch.float32), collate(list(graphs(dtype=torch.float32))), monkeypatch, rtol=2e-4
        )


def test_vectors_and_edge_features(monkeypatch):
    batch = collate(list(graphs(vectors=2, edges=3)))
    assert_streams(made(vector_dim=2, edge_dim=3), batch, monkeypatch)


def write_files(folder, batch):
    table = torch.where(batch.neighbors.mask, batch.neighbors.index, -1)
    arrays = {"neighbors": table.int(), "lengths": batch.lengths}
    for name in ("scalars", "positions", "vectors", "edge_features"):
        if getattr(batch, name) is not None:
            arrays[name] = getattr(batch, name)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array.numpy())
    return BatchFiles(folder)


def test_a_batch_in_files(tmp_path, monkeypatch):
    batch = collate(list(graphs(vectors=2, edges=3)))
    files = write_files(tmp_path, batch)
    assert_streams(made(vector_dim=2, edge_dim=3), files, monkeypatch, expected_of=batch)
    assert len(list(tmp_path.iterdir())) == 6


def test_neighbours_anywhere(monkeypatch):
    """Not the nearest: rows are taken one by one."""
    (graph,) = graphs((1500,))
    table = torch.randint(1500, (1500, 3), generator=torch.Generator().manual_seed(1))
    batch = collate([GeometricGraph(graph.scalars, graph.positions, neighbors=table)])
    assert_streams(made(blocks=1), batch, monkeypatch, chunk=50)


def test_rows_far_apart_are_the_rows_asked_for(tmp_path):
    rows = RowArray(2, 10_000, torch.float64, tmp_path)
    every = torch.arange(20_000, dtype=torch.float64).view(-1, 2)
    rows.write(every[:7000], 0)
    rows.write(every[7000:], 7000)
    for index in (torch.tensor([[9999, 0], [5, 5]]), torch.tensor([[40, 41], [42, 44]])):
        found, places = rows.take(index)
        assert len(found) <= 5
        assert torch.equal(found[places], every[index])


def test_no_files_are_left(tmp_path):
    found = stream(made(), collate(list(graphs())), "64GiB", tmp_path)
    assert not list(tmp_path.iterdir())
    assert torch.isfinite(found.positions).all()  # the output is there all the same


def test_a_budget_that_cannot_be_met_says_what_would_fit(monkeypatch):
    monkeypatch.setattr(plan, "resident_bytes", lambda: 300 << 20)
    model = made(torch.float32, hidden_dim=80, vector_channels=16)
    with pytest.raises(InputError, match=r"memory: 1 GiB are too little for 100,000,000 tokens, which need"):
        plan.make_plan(model, [100_000_000], 16, "1GiB")
    with pytest.raises(InputError, match=r"in 100 MiB not even a short one would fit"):
        plan.make_plan(model, [1000], 16, "100MiB")
    with pytest.raises(InputError) as told:
        plan.make_plan(model, [1 << 23], 16, "1GiB")
    fits = int(str(told.value).partition("about ")[2].partition(" tokens")[0].replace(",", ""))
    assert 100_000 < fits < 1 << 23
    plan.make_plan(model, [2 ** (fits.bit_length() - 1)], 16, "1GiB")  # it does


def test_more_memory_means_larger_blocks(monkeypatch):
    monkeypatch.setattr(plan, "resident_bytes", lambda: 300 << 20)
    model = made(torch.float32, hidden_dim=80, vector_channels=16)
    small, large = (plan.make_plan(model, [1 << 20], 16, size) for size in ("1GiB", "8GiB"))
    assert small.block < large.block
    assert small.channels < large.channels
    assert small.disk == large.disk


def test_ten_million_tokens_fit_into_eight_gibibytes(monkeypatch):
    monkeypatch.setattr(plan, "resident_bytes", lambda: 400 << 20)
    model = made(torch.float32, scalar_dim=16, hidden_dim=80, vector_channels=16, blocks=1)
    assert plan.make_plan(model, [10_000_000], 16, "8GiB").block >= 1024


def test_what_cannot_be_streamed(tmp_path):
    batch = collate(list(graphs()))
    with pytest.raises(InputError, match="GTransformer cannot be streamed, but only geometric-hyena"):
        stream(GTransformer(scalar_dim=4).double(), batch, "8GiB")
    with pytest.raises(InputError, match="memory: expected a size of memory"):
        stream(made(), batch, "much")
    with pytest.raises(InputError, match=r"nowhere: is no folder"):
        stream(made(), batch, "64GiB", tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"streaming needs .* on disk"):
        scratch_folder(tmp_path, 1 << 60)
    with pytest.raises(InputError, match="scalar_dim=4"):
        stream(made(), collate([GeometricGraph(torch.zeros(3, 2), torch.zeros(3, 3))]), "64GiB")


@pytest.mark.parametrize(
    ("name", "array", "told"),
    [
        ("positions", None, r"positions\.npy: cannot be read"),
        ("positions", np.zeros((5, 3)), r"positions\.npy: expected 2 axes, the first of 102 tokens"),
        ("positions", np.zeros((102, 2)), r"expected positions \(T, 3\)"),
        ("neighbors", np.zeros((102, 2)), r"neighbors\.npy: expected integers"),
        ("lengths", np.array([3]), r"lengths\.npy: expected numbers from 1 on with the sum 102"),
        ("scalars", np.asfortranarray(np.zeros((102, 4))), r"scalars\.npy: expected numbers in C order"),
    ],
)
def test_files_that_do_not_fit(tmp_path, name, array, told):
    write_files(tmp_path, collate(list(graphs())))
    os.remove(tmp_path / f"{name}.npy")
    if array is not None:
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(InputError, match=told):
        BatchFiles(tmp_path)


def test_a_neighbour_that_is_none(tmp_path):
    files = write_files(tmp_path, collate(list(graphs())))
    np.save(tmp_path / "neighbors.npy", np.full((102, 2), 102))
    with pytest.raises(InputError, match=r"token number 102 is none of the batch"):
        stream(made(), BatchFiles(tmp_path), "64GiB")
    assert files.scalars.shape == (102, 4)


def test_positions_that_are_not_finite():
    batch = collate(list(graphs()))
    batch.positions[3, 1] = torch.nan
    with pytest.raises(InputError, match="positions: tokens 0 to 101 have one that is not finite"):
        stream(made(), batch, "64GiB")


@pytest.mark.skipif(resident_bytes() is None, reason="needs /proc")
def test_memory_does_not_grow_with_the_features(tmp_path, monkeypatch):
    """Held at the end are positions; in between a channel of a convolution, or a block."""
    monkeypatch.setattr(plan, "_LARGEST_BLOCK", 1024)
    monkeypatch.setattr(plan, "_MOST_CHANNELS", 1)
    model, tokens = make_model(16), 60_000
    for name, count in (("short", 2000), ("long", tokens)):  # the first compiles what is to be compiled
        folder = tmp_path / name
        folder.mkdir()
        write_chain(folder, count)
        held = peak_bytes(partial(stream, model, BatchFiles(folder), "64GiB", folder), warm=True)
    features = plan.make_plan(model, [tokens], 16, "64GiB").disk
    assert features > 150e6
    assert 0 < held < features / 2
