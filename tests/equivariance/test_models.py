"""Every model passes the inherited tests, in every variant that changes its path through the code."""

from equivariance.model_tests import ModelTests
from geometric_hyena import GeometricHyena, SE3Hyena


class TestGeometricHyena(ModelTests):
    def make_model(self, vector_dim=1):
        return GeometricHyena(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)


class TestSE3Hyena(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        return SE3Hyena(3, vector_dim, hidden_dim=8, vector_channels=12, blocks=2, gate_dim=4)


class TestSE3HyenaOnAllGrades(ModelTests):
    """Three fully connected products: bivectors and pseudoscalars take part."""

    chiral = False

    def make_model(self, vector_dim=1):
        options = {"product": "fully_connected", "product_layers": 3, "conv_norm": "sqrt_length"}
        return SE3Hyena(3, vector_dim, hidden_dim=6, vector_channels=5, blocks=1, gate_dim=4, **options)
