"""Every model passes the inherited tests, in every variant that changes its path through the code."""

from equivariance.model_tests import ModelTests
from geometric_hyena import GeometricHyena, GTransformer, SE3Transformer


class TestGeometricHyena(ModelTests):
    def make_model(self, vector_dim=1):
        return GeometricHyena(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)


class TestGTransformer(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        return GTransformer(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)


class TestMaterialisedGTransformer(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        sizes = {"hidden_dim": 16, "vector_channels": 1, "blocks": 1}
        return GTransformer(3, vector_dim, **sizes, attention_scale="channels", fused=False)


class TestSE3Transformer(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        return SE3Transformer(scalar_dim=3, vector_dim=vector_dim, hidden_dim=16, vector_channels=4, blocks=2)


class TestSE3TransformerOfTheListing(ModelTests):
    chiral = False

    def make_model(self, vector_dim=1):
        sizes = {"hidden_dim": 16, "vector_channels": 2, "blocks": 1}
        return SE3Transformer(3, vector_dim, **sizes, attention_values="code2")
