"""Models that pass options on to the one they extend: told of by their signatures, and no others taken."""

import inspect

import pytest

from geometric_hyena import GeometricHyena, GTransformer, SE3Transformer, SteerableHyena
from geometric_hyena.models.baselines.egnn import EGNN
from geometric_hyena.models.baselines.seq_egnn import EGNNSeq, SeqEGNN


@pytest.mark.parametrize(
    ("model", "extended", "own"),
    [
        (GTransformer, GeometricHyena, {"attention_scale", "fused"}),
        (SE3Transformer, GeometricHyena, {"attention_values"}),
        (SteerableHyena, GeometricHyena, {"degrees", "scalarisation"}),
        (SeqEGNN, EGNN, {"sequence_blocks"}),
        (EGNNSeq, EGNN, {"sequence_blocks"}),
    ],
)
def test_the_signature_tells_every_option_with_its_default(model, extended, own):
    told, theirs = inspect.signature(model).parameters, inspect.signature(extended).parameters
    assert told.keys() - theirs.keys() == own
    shared = told.keys() & theirs.keys()
    assert {"scalar_dim", "blocks", "edge_dim", "radius"} <= shared
    assert all(told[name] == theirs[name] for name in shared)
    assert model(3, radius=5.0, hidden_dim=4, vector_channels=2).radius == 5.0


@pytest.mark.parametrize("model", [GTransformer, SE3Transformer, SteerableHyena, EGNNSeq])
def test_an_option_that_means_nothing_to_the_model_is_refused(model):
    with pytest.raises(TypeError, match="unexpected keyword argument 'gate'"):
        model(3, gate="k")
    with pytest.raises(TypeError, match="missing a required argument: 'scalar_dim'"):
        model(radius=5.0)
