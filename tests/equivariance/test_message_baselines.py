"""EGNN and its kin, SchNet, TFN and LEFTNet pass the inherited tests for what each of them gives."""

from dataclasses import replace

import pytest
import torch

from equivariance.model_tests import ModelTests, chain
from geometric_hyena import collate
from geometric_hyena.errors import InputError
from geometric_hyena.models.baselines.edges import message_passing_inputs
from geometric_hyena.models.baselines.egnn import EGNN, EGNNLayer
from geometric_hyena.models.baselines.fast_egnn import FastEGNN, mean_discrepancy
from geometric_hyena.models.baselines.leftnet import LEFTNet, frames
from geometric_hyena.models.baselines.linear import LinearMotion
from geometric_hyena.models.baselines.rf import RadialField
from geometric_hyena.models.baselines.schnet import SchNet
from geometric_hyena.models.baselines.seq_egnn import EGNNSeq, SeqEGNN
from geometric_hyena.models.baselines.tfn import TensorFieldNetwork, spherical_harmonics
from geometric_hyena.operators.clebsch_gordan import couple
from geometric_hyena.operators.segments import equal_length_runs

SIZES = {"hidden_dim": 16, "vector_channels": 4, "blocks": 2}


class TestEGNN(ModelTests):
    chiral = ordered = False

    def make_model(self, vector_dim=1):
        return EGNN(3, vector_dim, **SIZES)


class TestEGNNAsPublished(TestEGNN):
    def make_model(self, vector_dim=1):
        return EGNN(3, vector_dim, hidden_dim=13, vector_channels=1, blocks=3)


class TestFastEGNN(ModelTests):
    chiral = ordered = False

    def make_model(self, vector_dim=1):
        return FastEGNN(3, vector_dim, **SIZES)


class TestSeqEGNN(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        return SeqEGNN(3, vector_dim, **SIZES)


class TestEGNNSeq(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        return EGNNSeq(3, vector_dim, **SIZES)


class TestRadialField(ModelTests):
    chiral = ordered = False
    looks_at = ("positions", "vectors")

    def make_model(self, vector_dim=1):
        return RadialField(3, vector_dim, **SIZES)


class TestLEFTNet(ModelTests):
    ordered = False

    def make_model(self, vector_dim=1):
        return LEFTNet(3, vector_dim, **SIZES)


class TestTensorFieldNetwork(ModelTests):
    ordered = False

    @pytest.fixture(autouse=True)
    def _needs_e3nn(self):
        pytest.importorskip("e3nn")

    def make_model(self, vector_dim=1):
        return TensorFieldNetwork(3, vector_dim, **SIZES)


class TestTensorFieldNetworkToThirdDegree(TestTensorFieldNetwork):
    def make_model(self, vector_dim=1):
        return TensorFieldNetwork(3, vector_dim, **{**SIZES, "vector_channels": 2}, largest_degree=3)


class TestSchNet(ModelTests):
    chiral = ordered = False
    gives = "scalars"
    looks_at = ("scalars", "positions")

    def make_model(self, vector_dim=1):
        return SchNet(3, vector_dim, hidden_dim=16, blocks=2)


class TestLinearMotion(ModelTests):
    chiral = ordered = False
    looks_at = ("positions", "vectors")

    def make_model(self, vector_dim=1):
        return LinearMotion(3, vector_dim, vector_channels=4)

    @pytest.mark.parametrize("vectors", [1, 2])
    def test_equivariant_in_float64(self, vectors):
        super().test_equivariant_in_float64(vectors)

    def test_without_vectors_there_is_nothing_to_scale(self):
        with pytest.raises(InputError, match="linear: scales the input's vectors, and there are none"):
            LinearMotion(3, 0)

    def test_gradient_is_the_derivative(self):
        """Vectors do not depend on positions, which move as they are moved."""
        model, graph = self.model(), chain(12)
        moved = replace(graph, positions=graph.positions + 1.0)
        a, b = model(collate([graph])), model(collate([moved]))
        assert torch.equal(a.vectors, b.vectors)
        torch.testing.assert_close(b.positions, a.positions + 1.0)


def test_linear_motion_is_a_multiple_of_the_velocity():
    model, batch = LinearMotion(3, 1, vector_channels=1), collate([chain(5, dtype=torch.float32)])
    with torch.no_grad():
        model.scale.weight.fill_(2.5)
        out = model(batch)
    torch.testing.assert_close(out.positions, batch.positions + 2.5 * batch.vectors[:, 0])


def test_a_virtual_node_at_every_token_is_better_than_all_in_one_place():
    """The discrepancy is that of kernel sums over all pairs, less the pairs of tokens."""
    positions = torch.randn(4, 3, dtype=torch.float64)
    runs = equal_length_runs([4])

    def direct(nodes):
        def mean(a, b):
            return torch.exp(-0.5 * (a[:, None] - b[None]).square().sum(-1)).mean()

        return mean(nodes, nodes) - 2 * mean(positions, nodes)

    spread, together = positions, positions.mean(dim=0).expand(4, 3)
    for nodes in (spread, together):
        torch.testing.assert_close(mean_discrepancy(nodes[None], positions, runs), direct(nodes))
    assert direct(spread) < direct(together)


def test_virtual_nodes_part_and_are_pulled_over_the_tokens():
    """Training on the discrepancy alone lowers it; in evaluation there is none."""
    torch.manual_seed(0)
    model, batch = FastEGNN(3, 1, **SIZES), collate([chain(40, dtype=torch.float32)])
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        losses.append(model(batch).auxiliary)
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 1e-3
    assert model.eval()(batch).auxiliary is None
    assert FastEGNN(3, 1, **SIZES, discrepancy=0.0)(batch).auxiliary is None


def test_the_first_layer_of_a_tensor_field_network_is_the_sum_over_paths():
    """Against Clebsch-Gordan products edge by edge."""
    pytest.importorskip("e3nn")
    torch.manual_seed(0)
    model = TensorFieldNetwork(3, 1, **SIZES).double()
    batch = collate([chain(9)])
    positions, edges, _ = message_passing_inputs(batch, model.dims, model.radius)
    layer, offsets = model.blocks[0], edges.offsets(positions)
    harmonics = spherical_harmonics(offsets, 2)
    radii = model.distance(offsets)
    features = [batch.scalars[..., None], batch.vectors]
    found = layer(features, harmonics, radii, edges)

    weights = layer.radial(radii).split(layer.sizes, dim=-1)
    gathered = [[x] for x in features] + [[]]
    for (i, j, out), weight in zip(layer.paths, weights, strict=True):
        rows = []
        for token in range(9):
            senders = [k for k in range(edges.index.shape[1]) if edges.real[token, k]]
            total = 0
            for k in senders:
                sender = features[i][edges.index[token, k]]
                product = couple(sender, harmonics[j][token, k].expand(len(sender), -1), out)
                total = total + weight[token, k, :, None] * product
            rows.append(total / len(senders))
        gathered[out].append(torch.stack(rows))
    mixed = [
        torch.einsum("tcm,oc->tom", torch.cat(parts, dim=1), mix.weight)
        for mix, parts in zip(layer.mix, gathered, strict=True)
    ]
    scalars = mixed[0][..., 0] + layer.mix[0].bias
    gates = torch.sigmoid(layer.gates(scalars)).split(4, dim=-1)
    torch.testing.assert_close(found[0][..., 0], torch.nn.functional.silu(scalars))
    torch.testing.assert_close(found[1], gates[0][..., None] * mixed[1])
    torch.testing.assert_close(found[2], gates[1][..., None] * mixed[2])


def test_one_layer_of_egnn_is_its_equations_edge_by_edge():
    torch.manual_seed(0)
    layer = EGNNLayer(8, 2, 1).double()
    graph = chain(11).with_neighbors(k=3)
    shape = graph.neighbors.shape
    graph = replace(graph, edge_features=torch.randn(*shape, 2, dtype=torch.float64))
    positions, edges, _ = message_passing_inputs(collate([graph]), {}, 10.0)
    h = torch.randn(11, 8, dtype=torch.float64)
    scalars, shifts = layer(h, positions, graph.vectors, edges)
    silu = torch.nn.functional.silu
    first = torch.cat(
        [layer.message.receiver.weight, layer.message.sender.weight, layer.message.edge.weight], dim=1
    )
    for i in range(11):
        total, shift, neighbours = 0, 0, [k for k in range(shape[1]) if graph.neighbors[i, k] >= 0]
        for k in neighbours:
            j = int(graph.neighbors[i, k])
            offset = positions[i] - positions[j]
            seen = torch.cat([h[i], h[j], offset.square().sum()[None], graph.edge_features[i, k]])
            message = silu(layer.message.second(silu(first @ seen + layer.message.receiver.bias)))
            total, shift = total + message, shift + offset * layer.to_shift(message)
        shift = shift / len(neighbours) + layer.to_velocity(h[i]) * graph.vectors[i, 0]
        torch.testing.assert_close(shifts[i, 0], shift)
        torch.testing.assert_close(scalars[i], h[i] + layer.update(torch.cat([h[i], total])))


@pytest.mark.parametrize("parallel", [False, True])
def test_frames_are_orthonormal_and_fade_where_vectors_are_parallel(parallel):
    first, second = torch.randn(2, 6, 3, dtype=torch.float64).unbind()
    found = frames(first, 2 * first if parallel else second)
    if parallel:
        assert found[:, 1:].abs().max() < 1e-9
    else:
        identity = torch.eye(3, dtype=torch.float64).expand(6, 3, 3)
        torch.testing.assert_close(found @ found.transpose(1, 2), identity, rtol=0, atol=1e-4)
        assert (torch.linalg.det(found) > 0.99).all()


def test_edge_features_change_what_is_said():
    graph = chain(9).with_neighbors(k=3)
    zeros = torch.zeros(*graph.neighbors.shape, 1, dtype=torch.float64)
    for make in (EGNN, FastEGNN, LEFTNet, RadialField, SeqEGNN, EGNNSeq):
        torch.manual_seed(0)
        model = make(3, 1, **SIZES, edge_dim=1).double()
        with torch.no_grad():
            a, b = (model(collate([replace(graph, edge_features=x)])).vectors for x in (zeros, zeros + 1))
        assert not torch.allclose(a, b), make.__name__
