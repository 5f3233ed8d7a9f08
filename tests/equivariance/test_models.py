"""Every model passes the inherited tests, in every variant that changes its path through the code."""

from equivariance.model_tests import ModelTests
from geometric_hyena import GeometricHyena


class TestGeometricHyena(ModelTests):
    def make_model(self, vector_dim=1):
        return GeometricHyena(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)
