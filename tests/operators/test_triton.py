"""Triton's kernels without a GPU: interpreted against their twins, compiled, and what runs without them."""

import importlib.util
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from geometric_hyena.operators import kernels, messages
from operators.test_messages import draw

TRITON = importlib.util.find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not TRITON, reason="needs triton")


@needs_triton
def test_interpreted_kernels():
    """In a process of its own: Triton reads the variable when it is first imported."""
    file = Path(__file__).with_name("triton_interpreted.py")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    environment.pop("GHYENA_KERNELS", None)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "--no-header",
        str(file),
    ]
    done = subprocess.run(
        command, env=environment, cwd=file.parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Recorder:
    """Stands in for a kernel and keeps what it is launched with."""

    def __init__(self):
        self.launches = []

    def __getitem__(self, grid):
        return lambda *positional, **named: self.launches.append((positional, named))


POINTERS = {torch.float32: "*fp32", torch.float64: "*fp64", torch.bfloat16: "*bf16", torch.int64: "*i64"}


def compiled(kernel, positional, named, capability):
    """The kernel's machine code for a GPU, as this launch would have it made."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    named = dict(named)
    options = {"num_warps": named.pop("num_warps")}
    values = {**dict(zip(kernel.arg_names, positional, strict=False)), **named}
    signature, constants, aligned = {}, {}, {}
    for place, parameter in enumerate(kernel.params):
        name, value = parameter.name, values[parameter.name]
        if parameter.is_constexpr or value is None:
            signature[name], constants[name] = "constexpr", value
        elif isinstance(value, torch.Tensor):
            signature[name], aligned[(place,)] = POINTERS[value.dtype], [["tt.divisibility", 16]]
        else:
            signature[name] = "fp32" if isinstance(value, float) else "i32"
    source = ASTSource(kernel, signature, constexprs=constants, attrs=aligned)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options).asm["cubin"]


def combine_calls():
    from geometric_hyena.operators import combine_triton
    from geometric_hyena.operators.products import GEOMETRIC_PRODUCT

    spectrum, weights = torch.zeros(4, 2, 1, 300, dtype=torch.complex64), torch.zeros(5, 2)
    order = GEOMETRIC_PRODUCT.query_adjoint.geometric
    yield (
        combine_triton,
        "_product",
        lambda: combine_triton.geometric_product(order, *[spectrum] * 2, weights, True),
    )
    yield combine_triton, "_term_sums", lambda: combine_triton.geometric_term_sums(*[spectrum] * 3, 2.0, True)


def messages_calls(dtype, needs):
    from geometric_hyena.operators import messages_triton

    arguments, grad = draw(3, 3, 16, hidden=80, edges=2, dtype=dtype), torch.zeros(3, 4, 80, dtype=dtype)
    total = torch.zeros_like(arguments[1])
    yield messages_triton, "_forward", lambda: messages_triton.forward(*arguments)
    yield messages_triton, "_backward", lambda: messages_triton.backward(grad, arguments, total, needs, needs)


@needs_triton
@pytest.mark.parametrize(
    ("calls", "capability"),
    [
        pytest.param(combine_calls, 80, id="combine-80"),
        pytest.param(combine_calls, 90, id="combine-90"),
        pytest.param(lambda: messages_calls(torch.float32, True), 80, id="float32-80"),
        pytest.param(lambda: messages_calls(torch.float32, True), 90, id="float32-90"),
        pytest.param(lambda: messages_calls(torch.bfloat16, False), 90, id="bfloat16-90"),
        pytest.param(lambda: messages_calls(torch.float64, False), 90, id="float64-90"),
    ],
)
def test_kernels_compile_for_a_gpu(monkeypatch, tmp_path, calls, capability):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    for module, name, call in calls():
        kernel, recorder = getattr(module, name), Recorder()
        with monkeypatch.context() as patch:
            patch.setattr(module, name, recorder)
            call()
        ((positional, named),) = recorder.launches
        assert compiled(kernel, positional, named, capability)


# --- which kernels run: a GPU's tensors stood in for by those of the device "meta" ---


@pytest.fixture
def gpu_on_meta(monkeypatch):
    monkeypatch.setitem(kernels._BACKENDS, "meta", kernels._BACKENDS["cuda"])
    monkeypatch.delenv("GHYENA_KERNELS", raising=False)
    kernels._warn_once.cache_clear()
    yield torch.zeros(1, device="meta")
    kernels._warn_once.cache_clear()


def test_triton_serves_a_gpu(monkeypatch, gpu_on_meta):
    monkeypatch.setattr(kernels, "_triton_lacks", lambda: None)
    assert kernels.native_backend(gpu_on_meta) == "triton"
    assert kernels.native_backend(gpu_on_meta.bfloat16()) == "triton"
    assert kernels.native_backend(gpu_on_meta, gpu_on_meta.bfloat16()) is None
    assert kernels.native_backend(gpu_on_meta, torch.zeros(1)) is None
    with kernels.kernels("torch"):
        assert kernels.native_backend(gpu_on_meta) is None


@needs_triton
def test_deterministic_algorithms_leave_the_messages_to_torch(monkeypatch, gpu_on_meta):
    monkeypatch.setattr(kernels, "_triton_lacks", lambda: None)
    assert messages._native(gpu_on_meta).__name__.endswith("messages_triton")
    torch.use_deterministic_algorithms(True)
    try:
        assert messages._native(gpu_on_meta) is None
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.fixture
def forget_triton():
    def forget():
        kernels.triton_imports.cache_clear()
        kernels._triton_lacks.cache_clear()

    forget()
    yield
    forget()


@pytest.mark.usefixtures("forget_triton")
@pytest.mark.parametrize("lacking", ["triton", "a C compiler"])
def test_without_triton_or_its_compiler_torch_runs_and_one_warning_says_so(monkeypatch, gpu_on_meta, lacking):
    if lacking == "triton":
        monkeypatch.setitem(sys.modules, "triton", None)
    else:
        monkeypatch.setattr(kernels, "triton_imports", lambda: True)
        monkeypatch.setattr(kernels.shutil, "which", lambda name: None)
        monkeypatch.delenv("CC", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels.native_backend(gpu_on_meta) is None
    monkeypatch.setenv("GHYENA_KERNELS", "native")
    with pytest.warns(UserWarning, match=f"GHYENA_KERNELS=native needs .*{lacking}.*; plain torch runs"):
        assert kernels.native_backend(gpu_on_meta) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels.native_backend(gpu_on_meta) is None


def test_half_precision_on_the_cpu_says_that_it_has_no_kernels(monkeypatch, gpu_on_meta):
    half = torch.zeros(1, dtype=torch.bfloat16)
    assert kernels.native_backend(half) is None
    monkeypatch.setenv("GHYENA_KERNELS", "native")
    with pytest.warns(UserWarning, match="no compiled kernels for torch.bfloat16 on cpu; plain torch runs"):
        assert kernels.native_backend(half) is None
