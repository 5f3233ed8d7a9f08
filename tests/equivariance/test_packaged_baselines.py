"""Models of other packages pass the inherited tests for the symmetries that they claim."""

from dataclasses import replace

import pytest
import torch

from equivariance.model_tests import ModelTests, chain
from geometric_hyena import collate
from geometric_hyena.models.baselines.equiformer import Equiformer
from geometric_hyena.models.baselines.torchmd_net import TorchMDNet
from geometric_hyena.models.baselines.vn_transformer import VNTransformer

SIZES = {"hidden_dim": 16, "vector_channels": 4, "blocks": 2}


class TestEquiformer(ModelTests):
    ordered = False

    @pytest.fixture(autouse=True)
    def _needs_package(self):
        pytest.importorskip("equiformer_pytorch")

    def make_model(self, vector_dim=1):
        model = Equiformer(3, vector_dim, **SIZES)
        with torch.no_grad():
            for parameter in model.parameters():
                # Its attention starts at zero, where most gradients are zero, too.
                if not parameter.any():
                    parameter.normal_(std=0.1)
        return model

    def test_gradient_is_the_derivative(self):
        """Along the input vectors: the package does not differentiate its rotations by the positions."""
        model, graph = self.model(), chain(12).with_neighbors()
        direction = torch.randn(12, 1, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

        def value(vectors):
            out = model(collate([replace(graph, vectors=vectors)]))
            return out.scalars.sin().sum() + out.vectors.sin().sum()

        vectors = graph.vectors.clone().requires_grad_()
        slope = torch.autograd.grad(value(vectors), vectors)[0].mul(direction).sum()
        with torch.no_grad():
            step = 1e-6
            secant = value(graph.vectors + step * direction) - value(graph.vectors - step * direction)
        torch.testing.assert_close(slope, secant / (2 * step), rtol=1e-5, atol=1e-7)


class TestTorchMDNet(ModelTests):
    chiral = ordered = False

    @pytest.fixture(autouse=True)
    def _needs_package(self):
        pytest.importorskip("torchmdnet")

    def make_model(self, vector_dim=1):
        return TorchMDNet(3, vector_dim, **SIZES)


class TestVNTransformer(ModelTests):
    chiral = ordered = False

    @pytest.fixture(autouse=True)
    def _needs_package(self):
        pytest.importorskip("VN_transformer")

    def make_model(self, vector_dim=1):
        return VNTransformer(3, vector_dim, **SIZES)
