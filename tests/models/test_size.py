"""Counting parameters, and the width for a number of them."""

import pytest
import torch
from torch import nn

from geometric_hyena import GeometricHyena
from geometric_hyena.errors import InputError
from geometric_hyena.models.registry import MODELS, build_model
from geometric_hyena.models.size import match_parameters, parameter_count


def test_shared_and_frozen_parameters():
    layer = nn.Linear(4, 5)
    assert parameter_count(nn.Sequential(layer, layer)) == 25
    layer.bias.requires_grad_(False)
    assert parameter_count(layer) == 20


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"linear"}))
@pytest.mark.parametrize("target", [25_000, 300_000])
def test_every_model_can_be_matched(name, target):
    def build(width):
        return build_model(name, 6, 1, {"hidden_dim": width, "vector_channels": 4, "blocks": 2})

    found = parameter_count(build(match_parameters(build, target)))
    assert abs(found - target) <= 0.05 * target


@pytest.mark.parametrize(
    ("target", "width"), [(1, 1), (99, 10), (100, 10), (104, 10), (111, 11), (10_000, 100)]
)
def test_the_nearest_width_is_taken(target, width):
    def build(n):
        return nn.Linear(n, n, bias=False)

    assert match_parameters(build, target, tolerance=0.15) == width


def test_widths_in_steps():
    asked = []

    def build(n):
        asked.append(n)
        return nn.Linear(n, 10, bias=False)

    assert match_parameters(build, 500, step=8) == 48
    assert all(n % 8 == 0 for n in asked)
    assert max(asked) <= 64


def test_what_cannot_be_matched_names_the_nearest():
    def build(n):
        return nn.Linear(n, n, bias=False)

    with pytest.raises(InputError, match=r"gives 6 parameters within 5 %.*: 4 at width 2, 9 at width 3"):
        match_parameters(build, 6)
    with pytest.raises(InputError, match=r"gives 5 parameters within 5 %.*nearest: 64 at width 8$"):
        match_parameters(build, 5, step=8)
    with pytest.raises(InputError, match="has 2 parameters at any width"):
        match_parameters(lambda n: nn.Linear(1, 1), 5)


def test_the_random_state_stays():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    match_parameters(lambda width: GeometricHyena(3, hidden_dim=width), 50_000)
    assert torch.equal(torch.get_rng_state(), before)
