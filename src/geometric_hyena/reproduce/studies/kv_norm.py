"""Normalisation of keys and values: how magnitudes grow with it and without, and whether training lives.

Geometric Hyena, section 3: without it the output is bounded by the cube of the largest input magnitude only,
with it linearly.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from geometric_hyena.geometry.graph import GeometricGraph, collate
from geometric_hyena.geometry.neighbors import sequence_neighbors
from geometric_hyena.layers.normalization import KV_NORMS, KeyValueNorm
from geometric_hyena.models.geometric_hyena import GeometricHyena
from geometric_hyena.operators import geometric_long_conv
from geometric_hyena.reproduce.studies.shared import GEOMETRIC_HYENA, RECALL, recall_budgets
from geometric_hyena.reproduce.study import Findings, Measurement, Row, Study
from geometric_hyena.reproduce.sweep import Sweep

_MAGNITUDES = tuple(10.0**power for power in (0, 2, 4, 6, 8))
_LARGEST_POWER = 30
_NO_CONVOLUTION = "no long convolution"
_CHANNELS = 8
# With one, queries and keys of the first block are multiples of the same vectors, and the term that grows
# most, their cross products summed over the sequence, is zero: each pair comes in both orders.
_INPUT_VECTORS = 2


def measure_growth(tokens: int, depths: tuple[int, ...]) -> Findings:
    """Magnitudes of outputs by that of the inputs, of the context alone and of models of several depths."""
    contexts = [_context_row(order, tokens) for order in KV_NORMS]
    models = {
        (depth, order): _outputs(order, depth, tokens)
        for depth in depths
        for order in (*KV_NORMS, _NO_CONVOLUTION)
    }
    deep = [
        {
            "blocks": depth,
            "norm": order,
            **{f"M = {m:g}": outputs[m] for m in _MAGNITUDES},
            "exponent": _exponent(outputs),
            "not finite in float32 from M =": _overflow(order, depth, tokens),
        }
        for (depth, order), outputs in models.items()
    ]
    context = (
        "The context alone, (q * k) v with queries, keys and values of magnitude M: exponent p of the "
        "output's root mean square ~ M^p"
    )
    stacked = (
        f"Untrained models, {_INPUT_VECTORS} input vectors of magnitude M, positions unchanged: root mean "
        f"square of the output vectors (float64, {tokens} tokens, width 32, {_CHANNELS} vector channels, "
        f"seed 0), and p from M = {_MAGNITUDES[-2]:g} to {_MAGNITUDES[-1]:g}"
    )
    curves = {order: models[depths[-1], order] for order in KV_NORMS}
    references = {_NO_CONVOLUTION: models[depths[-1], _NO_CONVOLUTION]}
    return Findings({context: contexts, stacked: deep}, curves, references)


def _context_row(order: str, tokens: int) -> Row:
    """Exponents of scalars and vectors, with queries growing alone and all three growing."""
    grown = {m: _context(order, m, m, tokens) for m in _MAGNITUDES}
    row: Row = {"norm": order}
    for i, part in enumerate(("scalars", "vectors")):
        row[part] = _exponent({m: outputs[i] for m, outputs in grown.items()})
    alone = {m: _context(order, m, 1.0, tokens) for m in _MAGNITUDES}
    row["vectors, queries growing alone"] = _exponent({m: outputs[1] for m, outputs in alone.items()})
    return row


def _context(order: str, queries: float, others: float, tokens: int) -> tuple[float, float]:
    """Root mean squares of the scalars and vectors that the context gives."""
    generator = torch.Generator().manual_seed(0)
    scalars = torch.randn(3, _CHANNELS, tokens, generator=generator, dtype=torch.float64)
    vectors = torch.randn(3, 3, _CHANNELS, tokens, generator=generator, dtype=torch.float64)
    norm = KeyValueNorm(order)
    pairs = [(scalars[0] * queries, vectors[0] * queries)]
    pairs += [norm(scalars[i] * others, vectors[i] * others) for i in (1, 2)]
    (q, q_vectors), (k, k_vectors), (v, v_vectors) = ((s.T, x.permute(2, 1, 0)) for s, x in pairs)
    weights = torch.ones(5, _CHANNELS, dtype=torch.float64)
    u, u_vectors = geometric_long_conv(q, q_vectors, k, k_vectors, weights)
    return _magnitude(u * v), _magnitude(torch.linalg.cross(u_vectors, v_vectors))


def _outputs(order: str, depth: int, tokens: int) -> dict[float, float]:
    run = _model(order, depth, tokens, torch.float64)
    return {m: run(m) for m in _MAGNITUDES}


def _overflow(order: str, depth: int, tokens: int) -> str:
    """The smallest power of ten at which the output in float32 is not finite."""
    run = _model(order, depth, tokens, torch.float32)
    for power in range(_LARGEST_POWER + 1):
        if not math.isfinite(run(10.0**power)):
            return f"1e{power}"
    return f"above 1e{_LARGEST_POWER}"


def _model(order: str, depth: int, tokens: int, dtype: torch.dtype) -> Callable[[float], float]:
    """From the magnitude of the input vectors to that of a fresh model's output vectors."""
    torch.manual_seed(0)
    plain = order == _NO_CONVOLUTION
    norm = "none" if plain else order
    model = GeometricHyena(2, _INPUT_VECTORS, 32, _CHANNELS, depth, long_conv=not plain, kv_norm=norm).to(
        dtype
    )
    generator = torch.Generator().manual_seed(0)
    shapes = {"scalars": (tokens, 2), "positions": (tokens, 3), "vectors": (tokens, _INPUT_VECTORS, 3)}
    tensors = {
        name: torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)
        for name, shape in shapes.items()
    }
    batch = collate([GeometricGraph(**tensors, neighbors=sequence_neighbors(tokens))])
    vectors = tensors["vectors"]

    def run(magnitude: float) -> float:
        with torch.no_grad():
            return _magnitude(model(replace(batch, vectors=magnitude * vectors)).vectors)

    return run


def _magnitude(x: Tensor) -> float:
    # The square of what float32 just holds is more than it holds.
    return float(x.double().square().mean().sqrt())


def _exponent(outputs: Mapping[float, float]) -> float:
    """Slope of log output over log magnitude between the two largest magnitudes."""
    smaller, larger = _MAGNITUDES[-2:]
    return math.log(outputs[larger] / outputs[smaller]) / math.log(larger / smaller)


KV_NORM = Study(
    name="study-kv-norm",
    title="Normalisation of keys and values, and the growth of magnitudes",
    parts=(
        Measurement(
            name="study-kv-norm-growth",
            title="Magnitude of the output by that of the input",
            axis="magnitude M of the input vectors",
            quantity="magnitude of the output vectors",
            measure=measure_growth,
            quick={"tokens": 64, "depths": (1, 2, 3)},
            paper={"tokens": 256, "depths": (1, 2, 3)},
            log_axis=True,
        ),
        Sweep(
            name="study-kv-norm-recall",
            title="Associative recall by the norm of keys and values",
            axis="norm",
            options=lambda order: {"network": {"kv_norm": order}},
            **GEOMETRIC_HYENA,
            **recall_budgets(KV_NORMS),
            **RECALL,
        ),
    ),
)
