"""Every model and its gradients on a GPU as on the CPU, in single precision and under bf16 autocast."""

from dataclasses import fields, replace

import pytest
import torch

from equivariance.model_tests import chain
from geometric_hyena import GeometricHyena, SE3Hyena, collate
from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.models.registry import MODELS, build_model
from geometric_hyena.operators import messages, reference
from geometric_hyena.testing import assert_equivariant, relative_error

pytestmark = pytest.mark.gpu

DEVICE = "cuda"
PRECISIONS = pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16 autocast"])
SIZES = {"hidden_dim": 16, "vector_channels": 4, "blocks": 2}


def batch(device, lengths=(50, 7, 64)):
    return collate([chain(n, seed=n, dtype=torch.float32) for n in lengths]).to(device)


@pytest.mark.parametrize("name", MODELS)
def test_registered_models(name):
    torch.manual_seed(0)
    try:
        model = build_model(name, 3, 1, SIZES).eval()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    with torch.no_grad():
        wanted = model(batch("cpu"))
        found = model.to(DEVICE)(batch(DEVICE))
    for kind in ("scalars", "vectors"):
        assert relative_error(getattr(found, kind).cpu(), getattr(wanted, kind)) < 2e-3


def gradients(model, device, autocast=False):
    """Of a loss that looks at every output, as one vector."""
    model = model.to(device)
    model.zero_grad()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=autocast):
        out = model(batch(device))
    (out.scalars.float().square().mean() + out.vectors.float().square().mean()).backward()
    return torch.cat([p.grad.double().cpu().flatten() for p in model.parameters() if p.grad is not None])


@PRECISIONS
@pytest.mark.parametrize("whole", [1 << 14, 0], ids=["whole", "in chunks"])
@pytest.mark.parametrize("kind", [GeometricHyena, SE3Hyena])
def test_gradients(kind, whole, autocast):
    torch.manual_seed(0)
    model = kind(scalar_dim=3, vector_dim=1, **SIZES)
    wanted = gradients(model, "cpu")
    with token_limits(32, whole):
        found = gradients(model, DEVICE, autocast)
    assert relative_error(found, wanted) < (0.2 if autocast else 2e-3)


@pytest.mark.parametrize("kind", [GeometricHyena, SE3Hyena])
def test_equivariant_on_the_gpu(kind):
    torch.manual_seed(0)
    model = kind(scalar_dim=3, vector_dim=1, **SIZES).to(DEVICE)

    def on_device(given):
        out = model(given.to(DEVICE))
        parts = {field.name: getattr(out, field.name) for field in fields(out)}
        return replace(out, **{name: x.cpu() for name, x in parts.items() if isinstance(x, torch.Tensor)})

    assert_equivariant(on_device, [chain(n, seed=n, dtype=torch.float32) for n in (50, 7)], tolerance=2e-3)


def test_messages_of_more_numbers_than_32_bits_count():
    """Places beyond 2^31 in tensors that a long sequence has."""
    width, tokens = 128, (1 << 24) + 8
    if torch.cuda.mem_get_info()[0] < 5 * 2 * width * tokens:
        pytest.skip("wants 20 GiB of the GPU")
    receiver, sender = (torch.randn(tokens, width, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    index = torch.arange(tokens, device=DEVICE)[:, None]
    edge_map = torch.randn(1, width, device=DEVICE, dtype=torch.bfloat16)
    edges, coefficients = (torch.randn(tokens, 1, 1, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    found = messages.message_moments(receiver, sender, edge_map, index, edges, coefficients)[-8:]
    last = slice(tokens - 8, tokens)
    own = torch.arange(8, device=DEVICE)[:, None]
    arguments = (x.double() for x in (receiver[last], sender[last], edge_map))
    wanted = reference.message_moments(*arguments, own, edges[last].double(), coefficients[last].double())
    assert relative_error(found.double(), wanted) < 2e-2
