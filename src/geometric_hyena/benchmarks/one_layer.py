"""One layer of every model on a long chain, as `ghyena benchmark scaling --models` measures it.

A layer is the middle one of three, called with what the model hands it, as `one_block` calls Geometric
Hyena's: embedding, readout and search of neighbours are not what is measured. Models whose layers cannot be
told apart are made with one layer and measured whole.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from geometric_hyena.benchmarks.egnn_package import PackagedEGNN
from geometric_hyena.benchmarks.one_block import HIDDEN, NEIGHBORS, Prepared
from geometric_hyena.benchmarks.se3_transformer_package import PackagedSE3Transformer
from geometric_hyena.errors import InputError, MissingDependencyError
from geometric_hyena.geometry.graph import GeometricBatch, GeometricGraph, collate
from geometric_hyena.geometry.neighbors import sequence_neighbors
from geometric_hyena.geometry.rotations import random_rotation
from geometric_hyena.models.descriptions import DESCRIPTIONS
from geometric_hyena.models.registry import MODELS, build_model
from geometric_hyena.testing import equivariance_error

OURS = "geometric-hyena"
MATERIALISED = "g-transformer-materialised"
SPARSE_PACKAGE, DENSE_PACKAGE = "egnn-pytorch-sparse", "egnn-pytorch-dense"
SE3_PACKAGE = "se3-transformer-pytorch"

# Largest relative error of a rotated molecule in float32.
_TOLERANCE = 2e-3
# Tokens of that molecule: more than neighbours, few for what is slow.
_CHECKED = 24


class Peer(NamedTuple):
    """How to make a model (C vector channels, number of layers), and where its layer is.

    `layer` is the path of the module that is measured, "" for the whole model; `blocks` the number of layers
    to make so that it is there. `symmetry` and `time` are as in the models' descriptions.
    """

    make: Callable[[int, int], nn.Module]
    symmetry: str = "E(3)"
    time: str = "N^2"
    layer: str = "blocks.1"
    blocks: int = 3


def _registered(name: str) -> Peer:
    def make(channels: int, blocks: int) -> nn.Module:
        sizes = {"hidden_dim": HIDDEN, "vector_channels": channels, "blocks": blocks}
        return build_model(name, HIDDEN, 1, sizes)

    whole = {"equiformer": "model", "vn-transformer": "encoder", "linear": "", "seq-egnn": "", "egnn-seq": ""}
    about = DESCRIPTIONS[name]
    peer = Peer(make, about.symmetry, about.time)
    return peer._replace(layer=whole[name], blocks=1) if name in whole else peer


def _materialised(channels: int, blocks: int) -> nn.Module:
    return MODELS["g-transformer"](HIDDEN, 1, HIDDEN, channels, blocks, fused=False)


PEERS: dict[str, Peer] = {
    **{name: _registered(name) for name in MODELS},
    MATERIALISED: Peer(_materialised),
    SPARSE_PACKAGE: Peer(lambda channels, blocks: PackagedEGNN(HIDDEN, blocks, dense=False), time="N k"),
    DENSE_PACKAGE: Peer(lambda channels, blocks: PackagedEGNN(HIDDEN, blocks, dense=True)),
    SE3_PACKAGE: Peer(
        lambda channels, blocks: PackagedSE3Transformer(HIDDEN, blocks, neighbors=NEIGHBORS),
        symmetry="SE(3)",
        layer="model",
        blocks=1,
    ),
}


def chosen(words: Sequence[str]) -> list[str]:
    """Names of models that words ask for, ours first; "all" is every one.

    Raises:
        InputError: for a name that is none, listing those there are.
    """
    if list(words) == ["all"]:
        return list(PEERS)
    for word in words:
        if word not in PEERS:
            raise InputError(f"--models: there is no '{word}'; choose all, or from: {', '.join(PEERS)}")
    return list(dict.fromkeys([OURS, *words]))


def missing(name: str, channels: int) -> str:
    """The package that a model needs and that is not installed, and how to install it; "" where none is."""
    try:
        _made(PEERS[name], channels)
    except MissingDependencyError as error:
        return str(error)
    return ""


def check(name: str, channels: int, device: torch.device) -> None:
    """Raise AssertionError unless a model says finite numbers that turn with the molecule as it claims."""
    batch = chain(_CHECKED, device)
    model = _made(PEERS[name], channels).to(device)
    with torch.no_grad():
        out = model(batch)
    for kind in ("scalars", "vectors", "positions"):
        said = getattr(out, kind)
        assert len(said) == _CHECKED, f"{name} gives {len(said)} {kind} for {_CHECKED} tokens"
        assert said.isfinite().all(), f"{name} gives {kind} that are not finite"
    if PEERS[name].symmetry != "none":
        rotation = random_rotation(torch.Generator().manual_seed(0)).to(device)
        shift = torch.ones(3, dtype=rotation.dtype, device=device)
        error = equivariance_error(model, [_graph(_CHECKED, device)], rotation, shift)
        assert error <= _TOLERANCE, (
            f"{name}: relative equivariance error {error:.1e} exceeds {_TOLERANCE:.0e}"
        )


def prepare(
    name: str, length: int, channels: int, modes: Sequence[str], device: torch.device
) -> dict[str, Prepared]:
    """By mode: forward; and forward and backward, to the layer's parameters and inputs."""
    peer = PEERS[name]
    model = _made(peer, channels).to(device)
    layer = model.get_submodule(peer.layer)
    batch = chain(length, device)
    args, kwargs = (batch,), {}
    if layer is not model:
        with torch.set_grad_enabled("training" in modes):
            args, kwargs = _inputs(layer, lambda: model(batch))
    return prepared_layer(layer, args, kwargs, modes)


def prepared_layer(
    layer: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], modes: Sequence[str]
) -> dict[str, Prepared]:
    """A layer called with arguments, by mode; those that have gradients are cut off from what made them."""
    training = "training" in modes
    leaves: list[Tensor] = []
    args, kwargs = _detached(list(args), leaves), _detached(kwargs, leaves)
    layer.requires_grad_(training)

    def forward() -> object:
        with torch.no_grad():
            return layer(*args, **kwargs)

    held = _bytes({*_tensors([args, kwargs]), *layer.parameters()})
    prepared = {"forward": Prepared(forward, held)}
    if training:
        wanted = [*leaves, *layer.parameters()]
        cotangents = [torch.randn_like(x) for x in _outputs(layer(*args, **kwargs))]

        def step() -> object:
            said = _outputs(layer(*args, **kwargs))
            return torch.autograd.grad(said, wanted, cotangents, allow_unused=True)

        prepared["training"] = Prepared(step, held + _bytes(cotangents))
    return {mode: prepared[mode] for mode in modes}


def chain(length: int, device: torch.device) -> GeometricBatch:
    """A chain whose neighbours are the eight before and after, with one input vector per token."""
    return collate([_graph(length, device)])


def _graph(length: int, device: torch.device) -> GeometricGraph:
    generator = torch.Generator().manual_seed(0)
    shapes = (length, 3), (length, HIDDEN), (length, 1, 3)
    positions, scalars, vectors = (torch.randn(*shape, generator=generator) for shape in shapes)
    table = sequence_neighbors(length, NEIGHBORS // 2)
    positions = positions.double().cumsum(0).float()
    return GeometricGraph(scalars.to(device), positions.to(device), vectors.to(device), neighbors=table)


def _made(peer: Peer, channels: int) -> nn.Module:
    torch.manual_seed(0)
    return peer.make(channels, peer.blocks).eval()


class _ReachedError(Exception):
    """The layer has been called; nothing after it is wanted."""


def _inputs(layer: nn.Module, run: Callable[[], object]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What `run` calls the layer with; the layer itself is not run."""
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found.append((args, kwargs))
        raise _ReachedError

    handle = layer.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        run()
    except _ReachedError:
        return found[0]
    finally:
        handle.remove()
    raise AssertionError("the model has not called its layer")


def _detached(x: Any, leaves: list[Tensor]) -> Any:
    """The same arguments cut off from what made them; those that had a gradient are new leaves."""
    if isinstance(x, Tensor):
        cut = x.detach()
        if x.requires_grad:
            leaves.append(cut.requires_grad_())
        return cut
    if isinstance(x, Mapping):
        return {key: _detached(value, leaves) for key, value in x.items()}
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return type(x)([_detached(value, leaves) for value in x])
    return x


def _tensors(x: Any) -> Iterator[Tensor]:
    """All tensors in nested arguments."""
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, Mapping):
        yield from _tensors(list(x.values()))
    elif isinstance(x, list | tuple):
        for value in x:
            yield from _tensors(value)
    elif is_dataclass(x):
        yield from _tensors([getattr(x, field.name) for field in fields(x)])


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(x.numel() * x.element_size() for x in tensors)


def _outputs(x: Any) -> list[Tensor]:
    return [value for value in _tensors(x) if value.requires_grad]
