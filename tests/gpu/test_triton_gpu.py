"""Triton's kernels on a GPU against the direct sums, and the convolution captured as CUDA graphs."""

import pytest
import torch

from geometric_hyena.operators import geometric_long_conv, kernels, messages, reference
from operators.test_long_conv import inputs
from operators.test_messages import close, draw, gradients

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def triton_runs(monkeypatch):
    monkeypatch.delenv("GHYENA_KERNELS", raising=False)
    assert kernels.native_backend(torch.zeros(1, device="cuda")) == "triton"


@pytest.mark.parametrize(
    ("tokens", "neighbors", "hidden", "edges", "moments"),
    [(1, 1, 1, 1, 1), (40, 0, 8, 2, 4), (10_007, 16, 80, 1, 4), (501, 33, 48, 20, 5), (33, 7, 13, 5, 3)],
)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-5), (torch.float64, 1e-12), (torch.bfloat16, 2e-2)],
    ids=["float32", "float64", "bfloat16"],
)
def test_messages(tokens, neighbors, hidden, edges, moments, dtype, tolerance):
    arguments = draw(tokens, 9, neighbors, hidden, edges, moments, dtype=dtype)
    exact = [a.double() if a.is_floating_point() else a for a in arguments]
    wanted = gradients(reference.message_moments, exact)

    def on_gpu(*tensors):
        return messages.message_moments(*(t.cuda() for t in tensors)).cpu()

    close([f.double() for f in gradients(on_gpu, arguments)], wanted, tolerance)


def test_deterministic_algorithms_repeat_bitwise(monkeypatch):
    arguments = [a.cuda() for a in draw(5000, 3, 16, hidden=80, dtype=torch.float32)]
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        leaves = [a.requires_grad_() if a.is_floating_point() else a for a in arguments]
        runs = []
        for _ in range(2):
            out = messages.message_moments(*leaves)
            runs.append(torch.autograd.grad(out.sin().sum(), [a for a in leaves if a.requires_grad]))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def convolved(tensors, lengths):
    leaves = [t.clone().requires_grad_() for t in tensors]
    scalar, vector = geometric_long_conv(*leaves, lengths)
    return [scalar, vector, *torch.autograd.grad(scalar.sin().sum() + vector.cos().sum(), leaves)]


@pytest.mark.parametrize("length", [1, 2, 31, 64, 1000, 4099])
def test_convolution(length):
    tensors = inputs("geometric_long_conv", 2, length, channels=3, dtype=torch.float32)
    lengths = torch.tensor([length, max(1, length // 2)])
    wanted = convolved([t.double() for t in tensors], lengths)
    close([t.cpu().double() for t in convolved([t.cuda() for t in tensors], lengths)], wanted, 1e-4)


def test_convolution_as_cuda_graphs():
    """At small N launches dominate; `torch.cuda.make_graphed_callables` takes the operator as it is."""

    def draw_leaves(seed):
        tensors = inputs("geometric_long_conv", 2, 100, channels=3, dtype=torch.float32, seed=seed)
        return [t.cuda().requires_grad_() for t in tensors]

    graphed = torch.cuda.make_graphed_callables(geometric_long_conv, tuple(draw_leaves(0)))
    leaves = draw_leaves(1)
    results = []
    for function in (graphed, geometric_long_conv):
        scalar, vector = function(*leaves)
        grads = torch.autograd.grad(scalar.sin().sum() + vector.cos().sum(), leaves)
        results.append([t.clone() for t in (scalar, vector, *grads)])
    close(*results, 1e-5)
