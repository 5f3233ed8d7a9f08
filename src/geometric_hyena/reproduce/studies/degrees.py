"""Features of degrees 2 and 3 against degree 1: what they cost, and what they gain."""

import torch

from geometric_hyena.benchmarks.measure import interleaved_medians
from geometric_hyena.geometry.graph import GeometricGraph, collate
from geometric_hyena.geometry.neighbors import sequence_neighbors
from geometric_hyena.models.size import parameter_count
from geometric_hyena.models.steerable_hyena import SteerableHyena
from geometric_hyena.operators import steerable_long_conv
from geometric_hyena.reproduce.studies.shared import RECALL, recall_budgets
from geometric_hyena.reproduce.study import Findings, Measurement, Study
from geometric_hyena.reproduce.sweep import Sweep

_HIGHEST = (1, 2, 3)
_CHANNELS = 16


def measure_runtime(tokens: int, repeats: int, hidden: int = 48, blocks: int = 2) -> Findings:
    """Seconds of the convolution, the model and a training step, as ratios to degrees 0 and 1."""
    variants = [(highest, False) for highest in _HIGHEST] + [(highest, True) for highest in _HIGHEST[1:]]
    graph = _chain(tokens)
    batch = collate([graph])
    convolve, forward, train, sizes = {}, {}, {}, {}
    for variant in variants:
        highest, scalarisation = variant
        degrees = tuple(range(highest + 1))
        q, k = ({d: torch.randn(tokens, _CHANNELS, 2 * d + 1) for d in degrees} for _ in range(2))
        torch.manual_seed(0)
        model = SteerableHyena(2, 1, hidden, _CHANNELS, blocks, degrees=degrees, scalarisation=scalarisation)

        def convolution(q=q, k=k, scalarisation=scalarisation):
            return steerable_long_conv(q, k, scalarisation=scalarisation)

        def prediction(model=model):
            with torch.no_grad():
                return model(batch)

        def step(model=model):
            out = model(batch)
            (out.scalars.square().sum() + out.vectors.square().sum()).backward()

        name = _name(*variant)
        convolve[name], forward[name], train[name] = convolution, prediction, step
        sizes[name] = parameter_count(model)
    seconds = [interleaved_medians(calls, repeats) for calls in (convolve, forward, train)]
    plain = _name(1, False)
    rows = [
        {
            "degrees": name,
            "convolution": seconds[0][name] / seconds[0][plain],
            "model, forward": seconds[1][name] / seconds[1][plain],
            "model, training step": seconds[2][name] / seconds[2][plain],
            "parameters": sizes[name],
        }
        for name in sizes
    ]
    curves = {
        what: {highest: by_name[_name(highest, False)] / by_name[plain] for highest in _HIGHEST}
        for what, by_name in zip(("convolution", "model, forward", "training step"), seconds, strict=True)
    }
    caption = (
        f"Time over that of degrees 0 and 1, which are Geometric Hyena; {tokens:,} tokens, {_CHANNELS} "
        f"vector channels and as many of each degree, width {hidden}, {blocks} blocks, float32, "
        f"{torch.get_num_threads()} thread(s); medians of {repeats} interleaved turns"
    )
    return Findings({caption: rows}, curves)


def _name(highest: int, scalarisation: bool) -> str:
    return f"0 to {highest}{', scalarised' if scalarisation else ''}"


def _chain(tokens: int) -> GeometricGraph:
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(tokens, 3, generator=generator).cumsum(dim=0)
    scalars = torch.randn(tokens, 2, generator=generator)
    vectors = torch.randn(tokens, 1, 3, generator=generator)
    return GeometricGraph(scalars, positions, vectors, neighbors=sequence_neighbors(tokens, 8))


DEGREES = Study(
    name="study-degrees",
    title="Features of degrees 2 and 3: what they cost, and what they gain",
    parts=(
        Measurement(
            name="study-degrees-runtime",
            title="Time by the highest degree",
            axis="highest degree",
            quantity="time over that of degrees 0 and 1",
            measure=measure_runtime,
            quick={"tokens": 1024, "repeats": 5},
            paper={"tokens": 8192, "repeats": 9},
        ),
        Sweep(
            name="study-degrees-recall",
            title="Associative recall by the highest degree, at equal numbers of parameters",
            axis="highest degree",
            models=("steerable-hyena",),
            options=lambda highest: {
                "network": {"degrees": ",".join(str(degree) for degree in range(highest + 1))}
            },
            cost=lambda highest: float(highest),
            **recall_budgets(_HIGHEST),
            **RECALL,
        ),
    ),
)
