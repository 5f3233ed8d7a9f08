"""Every model passes the inherited tests, in every variant that changes its path through the code."""

from typing import ClassVar

from equivariance.model_tests import ModelTests
from geometric_hyena import GeometricHyena, GTransformer, SE3Hyena, SE3Transformer
from geometric_hyena.models.serialised import Serialised


class TestGeometricHyena(ModelTests):
    switches: ClassVar = {}

    def make_model(self, vector_dim=1):
        sizes = {"hidden_dim": 16, "vector_channels": 4, "blocks": 2}
        return GeometricHyena(scalar_dim=3, vector_dim=vector_dim, **{**sizes, **self.switches})


class TestOddWidth(TestGeometricHyena):
    switches: ClassVar = {"hidden_dim": 13, "vector_channels": 3, "distance_bumps": 2}


class TestOneVectorChannel(TestGeometricHyena):
    """The papers' reading."""

    switches: ClassVar = {"vector_channels": 1}


class TestMovedDistances(TestGeometricHyena):
    switches: ClassVar = {"distances": "moved", "distance_bumps": 2}


class TestKeysGatedZeroPadded(TestGeometricHyena):
    switches: ClassVar = {"gate": "k", "padding": "zero", "kv_norm": "l1", "conv_norm": "none"}


class TestNoGateNoInteraction(TestGeometricHyena):
    """Scalars apart from vectors: two cross products in a row keep parity, so reflections are a symmetry."""

    chiral = False
    switches: ClassVar = {"gate": "none", "interaction": False, "kv_norm": "linf", "conv_norm": "sqrt_length"}


class TestLocalOnly(TestGeometricHyena):
    """Messages alone: an EGNN, which does not tell left from right."""

    chiral = False
    switches: ClassVar = {"long_conv": False}


class TestGlobalOnly(TestGeometricHyena):
    switches: ClassVar = {"local_messages": False, "global_messages": False, "kv_norm": "none"}


class TestOrderedAlongACurve(TestGeometricHyena):
    """An order made from the positions breaks no symmetry."""

    ordered = False

    def make_model(self, vector_dim=1):
        return Serialised(super().make_model(vector_dim), "curve")


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
