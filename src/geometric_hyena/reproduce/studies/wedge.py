"""Vector convolution in any dimension: is the wedge product exact, does it turn, what does it cost?"""

from functools import partial

import torch
from torch import Tensor

from geometric_hyena.benchmarks.measure import interleaved_medians
from geometric_hyena.operators import reference, scalar_long_conv, vector_long_conv, wedge_long_conv
from geometric_hyena.operators.wedge import bivector_matrix, contract, dual
from geometric_hyena.reproduce.study import Findings, Measurement, Study
from geometric_hyena.testing import relative_error

DIMENSIONS = (2, 3, 4, 5, 7)
_CHANNELS = 4


def measure_wedge(tokens: int, timed_tokens: int, repeats: int, channels: int = 16) -> Findings:
    """Errors in float64 against direct sums, the cross product and rotations; time against the dimension."""
    seconds = _seconds(timed_tokens, channels, repeats)
    rows = [
        {
            "n": n,
            "to the direct sum": _to_direct_sum(n, tokens),
            "to the cross product": _to_cross_product(tokens) if n == 3 else None,
            "SO(n)": _turned(n, tokens),
            "SO(n), contracted": _contraction_turned(n, tokens),
            "SO(n), componentwise product": _componentwise_turned(n, tokens),
            "components": n * (n - 1) // 2,
            "FFTs over n = 3": _transforms(n) / _transforms(3),
            "time over the cross product": seconds[n] / seconds[0],
        }
        for n in DIMENSIONS
    ]
    caption = (
        f"Relative errors in float64 (root mean squares; {tokens} tokens, {_CHANNELS} channels; a zero "
        f"answer has 1), and time over vector_long_conv ({timed_tokens:,} tokens, {channels} channels, "
        f"float32, {torch.get_num_threads()} thread(s); medians of {repeats} interleaved turns)"
    )
    return Findings(
        {caption: rows},
        {"wedge product": {row["n"]: row["time over the cross product"] for row in rows}},
        {"number of FFTs": {row["n"]: row["FFTs over n = 3"] for row in rows}},
    )


def rotation_of(dimension: int, generator: torch.Generator) -> Tensor:
    """A random proper rotation of n dimensions, (n, n), float64."""
    q, r = torch.linalg.qr(torch.randn(dimension, dimension, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    q[:, 0] *= torch.linalg.det(q).sign()
    return q


def _inputs(dimension: int, tokens: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys, values and a rotation."""
    generator = torch.Generator().manual_seed(dimension)
    shape = 2, tokens, _CHANNELS, dimension
    q, k, v = (torch.randn(*shape, generator=generator, dtype=torch.float64) for _ in range(3))
    return q, k, v, rotation_of(dimension, generator)


def _to_direct_sum(dimension: int, tokens: int) -> float:
    q, k, *_ = _inputs(dimension, tokens)
    return relative_error(wedge_long_conv(q, k), reference.wedge_long_conv(q, k))


def _to_cross_product(tokens: int) -> float:
    q, k, *_ = _inputs(3, tokens)
    return relative_error(dual(wedge_long_conv(q, k)), vector_long_conv(q, k))


def _turned(dimension: int, tokens: int) -> float:
    q, k, _, r = _inputs(dimension, tokens)
    expected = r @ bivector_matrix(wedge_long_conv(q, k)) @ r.T
    return relative_error(bivector_matrix(wedge_long_conv(q @ r.T, k @ r.T)), expected)


def _contraction_turned(dimension: int, tokens: int) -> float:
    q, k, v, r = _inputs(dimension, tokens)
    expected = contract(wedge_long_conv(q, k), v) @ r.T
    return relative_error(contract(wedge_long_conv(q @ r.T, k @ r.T), v @ r.T), expected)


def _componentwise_turned(dimension: int, tokens: int) -> float:
    """The error of a convolution that is no function of vectors: what the test says of a wrong one."""
    q, k, _, r = _inputs(dimension, tokens)

    def convolve(q: Tensor, k: Tensor) -> Tensor:
        return scalar_long_conv(q.flatten(2), k.flatten(2)).view_as(q)

    return relative_error(convolve(q @ r.T, k @ r.T), convolve(q, k) @ r.T)


def _seconds(tokens: int, channels: int, repeats: int) -> dict[int, float]:
    """Median seconds by dimension; 0: the cross product."""
    calls = {}
    for n in (0, *DIMENSIONS):
        q, k = (torch.randn(tokens, channels, n or 3) for _ in range(2))
        calls[str(n)] = partial(wedge_long_conv if n else vector_long_conv, q, k)
    return {int(n): median for n, median in interleaved_medians(calls, repeats).items()}


def _transforms(dimension: int) -> int:
    """FFTs per channel: of all components of queries and keys, and of the bivectors."""
    return 2 * dimension + dimension * (dimension - 1) // 2


WEDGE = Study(
    name="study-wedge",
    title="Vector convolution in any dimension: the wedge product for the cross product",
    parts=(
        Measurement(
            name="study-wedge-dimensions",
            title="Wedge long convolution by dimension",
            axis="dimension n",
            quantity="time over the cross product's",
            measure=measure_wedge,
            quick={"tokens": 127, "timed_tokens": 4096, "repeats": 41},
            paper={"tokens": 521, "timed_tokens": 30_000, "repeats": 9},
        ),
    ),
)
