"""Single layers against their equations."""

import pytest
import torch

from geometric_hyena.geometry import sequence_neighbors
from geometric_hyena.geometry.neighbors import pack_neighbors
from geometric_hyena.layers.distance import DistanceFeatures
from geometric_hyena.layers.global_context import GlobalContext
from geometric_hyena.layers.normalization import KeyValueNorm
from geometric_hyena.layers.projection import EquivariantProjection, Geometry
from geometric_hyena.layers.siren import Siren
from geometric_hyena.layers.staging import project
from geometric_hyena.operators.segments import equal_length_runs, pieces


def geometry_of(positions, lengths, edges):
    table = pack_neighbors([sequence_neighbors(n, reach=2) for n in lengths], lengths)
    offsets = positions[:, None] - positions[table.index]
    kept = table.mask[..., None].double()
    degree = table.counts().clamp(min=1)[:, None, None]
    coefficients = torch.cat([kept, kept * offsets / degree], dim=-1)
    sequence = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    runs = equal_length_runs(lengths)
    return Geometry(positions, table.index, edges(offsets), coefficients, runs, sequence), table


def test_projection_is_the_egnn_with_global_messages_of_its_equations():
    """Token by token, message by message, from the concatenated form that the factorised one stands for."""
    torch.manual_seed(0)
    lengths, scalars_in, vectors_in, hidden = [5, 3], 4, 2, 6
    distance = DistanceFeatures(10.0, 3)
    layer = EquivariantProjection(
        scalars_in, vectors_in, 7, 3, hidden=hidden, edges=distance.count, global_tokens=2
    ).double()
    f = torch.randn(8, scalars_in, dtype=torch.float64)
    v = torch.randn(8, vectors_in, 3, dtype=torch.float64)
    x = torch.randn(8, 3, dtype=torch.float64) * 3
    geometry, table = geometry_of(x, lengths, distance)
    out_scalars, out_vectors = project(layer, f, v, geometry)

    def message(module, f_i, f_j, e):
        weight = torch.cat([module.receiver.weight, module.sender.weight, module.edges.T], dim=1)
        return torch.nn.functional.silu(weight @ torch.cat([f_i, f_j, e]) + module.receiver.bias)

    first = 0
    for n in lengths:
        place = torch.arange(n, dtype=torch.float64)[:, None] / n
        w = layer.context.weights(place)  # (n, G)
        x_g, f_g = (w.T @ t[first : first + n] / n for t in (x, f))
        for i in range(first, first + n):
            local, moved = (
                torch.zeros(hidden, dtype=torch.float64),
                torch.zeros(hidden, 3, dtype=torch.float64),
            )
            near = table.index[i][table.mask[i]]
            for j in near.tolist():
                m = message(layer.local, f[i], f[j], distance(x[i] - x[j]))
                local = local + m
                moved = moved + m[:, None] * (x[i] - x[j]) / len(near)
            far, pulled = torch.zeros_like(local), torch.zeros_like(moved)
            for g in range(2):
                e = torch.log1p((x[i] - x_g[g]).square().sum())[None]
                m = message(layer.distant, f[i], f_g[g], e)
                far = far + m
                pulled = pulled + m[:, None] * (x[i] - x_g[g]) / 2
            expected = layer.to_scalars(torch.cat([f[i], local, far]))
            torch.testing.assert_close(out_scalars[i], expected)
            expected = layer.to_vectors.weight @ torch.cat([v[i], moved, pulled])
            torch.testing.assert_close(out_vectors[i], expected)
        first += n


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("distant", [True, False])
def test_either_kind_of_message_can_be_left_out(local, distant):
    layer = EquivariantProjection(
        3, 1, 2, 2, hidden=4, edges=1, local_messages=local, global_messages=distant
    ).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    geometry, _ = geometry_of(x, [6], DistanceFeatures(10.0, 0))
    scalars, vectors = project(layer, torch.randn(6, 3, dtype=torch.float64), x[:, None], geometry)
    assert scalars.shape == (6, 2)
    assert vectors.shape == (6, 2, 3)


def test_global_tokens_are_weighted_means():
    context = GlobalContext(3).double()
    scalars, positions = torch.randn(9, 2, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)
    runs = equal_length_runs([4, 4, 1])
    found = torch.cat(context(scalars, positions, pieces(runs, 0, 9)))
    x, f = found[..., :3], found[..., 3:]
    assert f.shape == (3, 3, 2)
    weights = context.weights(torch.arange(4, dtype=torch.float64)[:, None] / 4)
    torch.testing.assert_close(x[1], weights.T @ positions[4:8] / 4)
    torch.testing.assert_close(f[0], weights.T @ scalars[:4] / 4)
    parts = [
        (piece.sequences, value)
        for start, stop in ((0, 3), (3, 7), (7, 9))
        for cut in [pieces(runs, start, stop)]
        for piece, value in zip(cut, context(scalars[start:stop], positions[start:stop], cut), strict=True)
    ]
    total = torch.zeros_like(found)
    for sequences, value in parts:
        total[sequences] += value
    torch.testing.assert_close(total, found)


def test_siren_varies_over_the_sequence():
    values = Siren(2)(torch.linspace(0, 1, 200)[:, None])
    assert values.std() > 0.05
    assert values.abs().max() < 10


@pytest.mark.parametrize(("order", "p"), [("l2", 2), ("l1", 1), ("linf", torch.inf)])
def test_keys_and_values_have_unit_norm_and_zero_stays_zero(order, p):
    scalars, vectors = torch.randn(8, 5, dtype=torch.float64), torch.randn(3, 2, 5, dtype=torch.float64)
    vectors[:, 0, 0] = 0
    scalars.requires_grad_()
    vectors.requires_grad_()
    s, v = KeyValueNorm(order)(scalars, vectors)
    ones = torch.ones(5, dtype=torch.float64)
    torch.testing.assert_close(s.norm(p=p, dim=0), ones, rtol=0, atol=1e-4)
    assert not v[:, 0, 0].any()
    torch.testing.assert_close(v[:, 1].norm(dim=0), ones)
    v.sum().backward()
    assert torch.isfinite(vectors.grad).all()


def test_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="kv_norm"):
        KeyValueNorm("l3")


def test_distance_features_of_coincident_tokens_have_a_gradient():
    offsets = torch.zeros(2, 3, requires_grad=True)
    DistanceFeatures(10.0, 4)(offsets).sum().backward()
    assert torch.isfinite(offsets.grad).all()
