"""The sequence models without symmetry pass the inherited tests but those of symmetry, which they fail."""

import pytest
import torch

from equivariance.model_tests import ModelTests, chain
from geometric_hyena import collate
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import random_rotation, reflection
from geometric_hyena.models.baselines.hyena import Hyena, HyenaOperator
from geometric_hyena.models.baselines.transformer import SelfAttention, Transformer
from geometric_hyena.testing import equivariance_error


class SequenceModelTests(ModelTests):
    @pytest.mark.parametrize("vectors", [0, 1, 2])
    def test_equivariant_in_float64(self, vectors):
        """Not so: rotations change more than the orientation. Shifts change nothing but the position."""
        model, graphs = self.model(vector_dim=vectors), self.graphs(vectors=vectors)
        assert equivariance_error(model, graphs, random_rotation(torch.Generator().manual_seed(0))) > 1e-2
        still, shift = torch.eye(3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
        assert equivariance_error(model, graphs, still, shift) < 1e-9

    test_equivariant_in_float32 = None

    def test_reflection_is_a_symmetry_only_where_claimed(self):
        assert equivariance_error(self.model(), self.graphs(), reflection()) > 1e-2

    def test_neighbours_and_edge_features_are_not_looked_at(self):
        graph = chain(9)
        near, far = (collate([graph], k=k).neighbors.index for k in (1, 8))
        assert near.shape != far.shape
        model = self.model()
        with torch.no_grad():
            assert torch.equal(model(collate([graph], k=1)).vectors, model(collate([graph], k=8)).vectors)

    def test_a_batch_of_other_features_is_refused(self):
        with pytest.raises(InputError, match="the model was made for vector_dim=1, the batch has 2"):
            self.model()(collate([chain(5, vectors=2)]))


class TestTransformer(SequenceModelTests):
    def make_model(self, vector_dim=1):
        return Transformer(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)

    @pytest.mark.parametrize(("width", "heads"), [(16, 4), (18, 2), (15, 1)])
    def test_a_width_that_heads_do_not_divide_has_fewer(self, width, heads):
        model = Transformer(scalar_dim=3, hidden_dim=width)
        assert {block.mixer.heads for block in model.blocks} == {heads}
        assert model(collate([chain(6, dtype=torch.float32, vectors=0)])).scalars.shape == (6, width)


class TestHyena(SequenceModelTests):
    def make_model(self, vector_dim=1):
        return Hyena(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)


@pytest.mark.parametrize("length", [1, 2, 7, 31, 64, 101])
def test_the_fft_of_hyena_is_the_sum_over_all_pairs(length):
    torch.manual_seed(0)
    operator = HyenaOperator(4).double()
    signal = torch.randn(2, 4, length, dtype=torch.float64, requires_grad=True)
    before, after = operator.filter(length, torch.float64)
    expected = torch.zeros(2, 4, length, dtype=torch.float64)
    rows = []
    for i in range(length):
        weights = [before[:, i - j] if j <= i else after[:, j - i] for j in range(length)]
        rows.append((signal * torch.stack(weights, dim=-1)).sum(-1))
    expected = torch.stack(rows, dim=-1)
    found = operator._convolve(signal)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    weights = torch.randn_like(expected)
    for actual, wanted in zip(
        torch.autograd.grad(
            (found * weights).sum(), [signal, operator.filter.last.weight], retain_graph=True
        ),
        torch.autograd.grad((expected * weights).sum(), [signal, operator.filter.last.weight]),
        strict=True,
    ):
        torch.testing.assert_close(actual, wanted, rtol=1e-9, atol=1e-11)


def test_attention_is_a_softmax_over_all_tokens():
    torch.manual_seed(0)
    attention = SelfAttention(8, heads=2).double()
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    q, k, v = (t.unflatten(-1, (2, 4)) for t in attention.qkv(x).chunk(3, dim=-1))
    weights = (torch.einsum("bihd,bjhd->bhij", q, k) / 2).softmax(dim=-1)
    expected = attention.output(torch.einsum("bhij,bjhd->bihd", weights, v).flatten(2))
    torch.testing.assert_close(attention(x), expected)
