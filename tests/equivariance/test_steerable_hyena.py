"""The steerable model passes the inherited tests at every choice of degrees; 0 and 1 are the plain model."""

from types import SimpleNamespace

import pytest
import torch

from equivariance.model_tests import LENGTHS, ModelTests, chain
from geometric_hyena import GeometricHyena, InputError, SteerableHyena, collate
from geometric_hyena.layers.normalization import divided_by_norm
from geometric_hyena.operators.segments import equal_length_runs

pytest.importorskip("e3nn")
SIZES = {"scalar_dim": 3, "hidden_dim": 16, "vector_channels": 5, "blocks": 2}


class TestDegreesToTwo(ModelTests):
    def make_model(self, vector_dim=1):
        return SteerableHyena(vector_dim=vector_dim, **SIZES)


class TestDegreesToThree(ModelTests):
    def make_model(self, vector_dim=1):
        return SteerableHyena(vector_dim=vector_dim, degrees=(0, 1, 2, 3), **SIZES)


class TestScalarisation(ModelTests):
    def make_model(self, vector_dim=1):
        return SteerableHyena(vector_dim=vector_dim, degrees="0,1,3", scalarisation=True, **SIZES)


@pytest.mark.parametrize("scalarisation", [False, True])
def test_with_degrees_zero_and_one_it_is_geometric_hyena(scalarisation):
    outs = []
    for make, options in (
        (GeometricHyena, {}),
        (SteerableHyena, {"degrees": (1, 0), "scalarisation": scalarisation}),
    ):
        torch.manual_seed(0)
        model = make(vector_dim=1, **SIZES, **options)
        with torch.no_grad():
            outs.append(model(collate([chain(n, dtype=torch.float32) for n in LENGTHS])))
    torch.testing.assert_close(outs[0].scalars, outs[1].scalars, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(outs[0].vectors, outs[1].vectors, rtol=1e-4, atol=1e-5)


def test_global_context_is_linear_in_the_magnitude_of_the_query_vectors():
    """So that the bound of key-value normalisation holds in every degree."""
    torch.manual_seed(0)
    block = SteerableHyena(degrees=(0, 1, 2, 3), **SIZES).double().blocks[0]
    geometry = SimpleNamespace(runs=equal_length_runs([17]))
    q, k, v = torch.randn(3, 17, 5, 3, dtype=torch.float64)
    zero, k_scalars, v_scalars = (
        torch.randn(3, 17, 16, dtype=torch.float64) * torch.tensor([0, 1, 1])[:, None, None]
    )
    keys, values = (
        (divided_by_norm(scalars, -1), divided_by_norm(vectors, -1))
        for scalars, vectors in ((k_scalars, k), (v_scalars, v))
    )
    with torch.no_grad():
        once = block.global_context((zero, q), keys, values, geometry)
        more = block.global_context((zero, 1e3 * q), keys, values, geometry)
    torch.testing.assert_close(more, tuple(1e3 * y for y in once), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("degrees", ["", "1,2", "0,1,1", "0,2", "0,1,x", (0, 1, -2), ()])
def test_degrees_that_cannot_be_used_are_named(degrees):
    with pytest.raises(InputError, match=r"^degrees: expected distinct degrees with 0 and 1 among them"):
        SteerableHyena(degrees=degrees, **SIZES)
