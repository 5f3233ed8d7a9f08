"""The same answers on a GPU as on the CPU. Run with `make test-gpu` on a machine that has one."""

import pytest
import torch

from equivariance.model_tests import chain
from geometric_hyena import GeometricHyena, GTransformer, SE3Hyena, SE3Transformer, collate
from geometric_hyena.operators import geometric_long_conv
from geometric_hyena.testing import relative_error

pytestmark = pytest.mark.gpu


def gradients(device, length):
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, length, 3), (2, length, 3, 3), (2, length, 3), (2, length, 3, 3), (5, 3)]
    tensors = [torch.randn(*s, generator=generator, dtype=torch.float64) for s in shapes]
    leaves = [t.to(device).requires_grad_() for t in tensors]
    scalar, vector = geometric_long_conv(*leaves, torch.tensor([length, max(1, length // 2)]))
    return [scalar, vector, *torch.autograd.grad(scalar.sin().sum() + vector.cos().sum(), leaves)]


@pytest.mark.parametrize("length", [1, 2, 31, 64, 1000, 4099])
def test_operator(length):
    for here, there in zip(gradients("cuda", length), gradients("cpu", length), strict=True):
        torch.testing.assert_close(here.cpu(), there, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16 autocast"])
@pytest.mark.parametrize("kind", [GeometricHyena, SE3Hyena, GTransformer, SE3Transformer])
def test_model(kind, autocast):
    torch.manual_seed(0)
    model = kind(scalar_dim=3, vector_dim=1)
    batch = collate([chain(n, seed=n, dtype=torch.float32) for n in (50, 7, 400)])
    with torch.no_grad():
        expected = model(batch).vectors
        model, batch = model.cuda(), batch.to("cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=autocast):
            out = model(batch).vectors.float().cpu()
    assert relative_error(out, expected) < (0.1 if autocast else 1e-3)
