"""`ghyena benchmark context-parallel`: one block on a sequence over several processes of this machine.

Memory of each process, bytes that it sends, and what these say of 10^8 tokens on many GPUs.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geometric_hyena.benchmarks.local_ranks import on_ranks
from geometric_hyena.benchmarks.measure import peak_bytes
from geometric_hyena.benchmarks.one_block import HIDDEN, MODES, NEIGHBORS, OURS, chain_edges, make_block
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.distributed import costs
from geometric_hyena.distributed.ranks import Ranks
from geometric_hyena.distributed.sharding import TokenSharding
from geometric_hyena.distributed.transposed import even_bounds
from geometric_hyena.layers.projection import Geometry
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.operators.segments import equal_length_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANKS = (1, 2, 4)
VECTORS = 16
_LENGTH, _QUICK = 262_144, 131_072
_TOKENS = 100_000_000
_GPUS = (8, 64, 512)


def title(settings: Settings) -> str:
    """What is measured."""
    return f"One block, H = {HIDDEN}, C = {VECTORS}, k = {NEIGHBORS}, N = {_length(settings):,}, by processes"


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless two processes give the outputs and gradients of one."""
    for worst in on_ranks(_disagreement, 2):
        assert worst < 1e-10, f"two processes differ from one by {worst:.1e}, relatively, in float64"


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a number of processes and mode; on the CPU."""
    alone: dict[str, int] = {}
    for ranks in RANKS:
        found = on_ranks(_measure, ranks, _length(settings))
        for mode in MODES:
            row = _row(ranks, mode, [one[mode] for one in found], _length(settings), alone)
            yield row


def _row(
    ranks: int, mode: str, found: list[dict[str, Any]], length: int, alone: dict[str, int]
) -> dict[str, Any]:
    peak = max(one["peak"] for one in found)
    alone.setdefault(mode, peak)
    convolution, neighbors, sums = (
        sum(one["sent"].get(name, 0) for one in found) / length
        for name in (
            "transposition for the convolution",
            "exchange of neighbours' features",
            "sum over all tokens",
        )
    )
    training = mode == "training"
    least = costs.four_step_least_bytes(HIDDEN, VECTORS, ranks, training)
    halo = sum(one["halo"] for one in found)
    modelled = costs.busiest_bytes(HIDDEN, VECTORS, ranks, training)
    modelled += costs.halo_bytes(halo, HIDDEN, training) / length
    return {
        "processes": ranks,
        "mode": mode,
        "MiB of each": peak / 2**20,
        "x processes / one's": ranks * peak / alone[mode],
        "bytes per token": peak * ranks / length,
        "sent per token, convolution": convolution,
        "of the four-step FFT's least": convolution / least if least else None,
        "sent per token, neighbours": neighbors,
        "sent per token, sums": sums,
        "model / sent": modelled / (convolution + neighbors + sums) if ranks > 1 else None,
    }


def fits(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """10^8 tokens on GPUs: the model of `distributed.costs`, on the memory measured with most processes."""
    network = costs.Network()
    table = []
    for gpus in _GPUS:
        for mode in MODES:
            training = mode == "training"
            measured = [row for row in found if row["mode"] == mode][-1]["bytes per token"]
            own = _TOKENS / gpus
            sent = own * costs.busiest_bytes(HIDDEN, VECTORS, gpus, training)
            ways = [
                "transposed" if c.transposition(gpus) <= c.four_step(gpus) else "four-step"
                for c in costs.block_channels(HIDDEN, VECTORS)
            ]
            table.append(
                {
                    "GPUs": gpus,
                    "tokens": _TOKENS,
                    "mode": mode,
                    "GiB of each": own * (measured + costs.surplus_bytes(HIDDEN, VECTORS, gpus)) / 2**30,
                    "scalars": ways[0],
                    "pairs": ways[1],
                    "GB through the busiest": sent / 1e9,
                    "seconds for it, at least": network.seconds(sent, gpus),
                }
            )
    return table


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """What is asked, what was measured, and whether it holds."""
    asked = []
    for row in found:
        if row["processes"] > 1:
            name = f"{row['mode']}, {row['processes']} processes"
            asked.append(
                verdict(f"x processes / one's memory, {name}", row["x processes / one's"], "most", 1.15)
            )
            sent = row["of the four-step FFT's least"]
            asked.append(verdict(f"sent / the four-step FFT's least, {name}", sent, "most", 1.1))
    return asked


def figure(record: dict[str, Any]) -> "Figure":
    """Memory of each process, and bytes sent per token."""
    from geometric_hyena.benchmarks.figures import context_parallel_figure

    return context_parallel_figure(record["rows"])


# --- on each rank ---


def _length(settings: Settings) -> int:
    return _QUICK if settings.quick else _LENGTH


def _measure(length: int) -> dict[str, dict[str, Any]]:
    """Peak bytes of this process and what it sent, by mode."""
    ranks = Ranks()
    block = make_block(OURS, VECTORS)
    with token_limits(1024, 0):  # what libraries allocate once is not counted
        _training(block, *_own_part(4096, ranks, torch.float32))
    scalars, vectors, geometry = _own_part(length, ranks, torch.float32)
    shared = geometry.positions, geometry.index, geometry.edges, geometry.coefficients, geometry.sequence
    held = sum(x.numel() * x.element_size() for x in (scalars, vectors, *shared, *block.parameters()))

    def forward() -> None:
        with torch.no_grad():
            block(scalars, vectors, geometry)

    def training() -> None:
        _training(block, scalars, vectors, geometry, cotangents)

    found = {}
    found["forward"] = _counted(forward, held, ranks, geometry)
    cotangents = torch.randn_like(scalars), torch.randn_like(vectors)
    held += sum(x.numel() * x.element_size() for x in cotangents)
    found["training"] = _counted(training, held, ranks, geometry)
    return found


def _counted(call, held: int, ranks: Ranks, geometry: Geometry) -> dict[str, Any]:
    ranks.sent.clear()
    peak = held + peak_bytes(call, warm=True)
    sharding = geometry.sharding
    return {"peak": peak, "sent": dict(ranks.sent), "halo": 0 if sharding is None else sharding.halo}


def _training(block, scalars: Tensor, vectors: Tensor, geometry: Geometry, cotangents=None):
    leaves = [scalars.detach().requires_grad_(), vectors.detach().requires_grad_()]
    cotangents = cotangents or (torch.ones_like(scalars), torch.ones_like(vectors))
    return torch.autograd.grad(block(*leaves, geometry), [*leaves, *block.parameters()], cotangents)


def _disagreement() -> float:
    """Worst relative difference of outputs and gradients from those of the same tokens in one process."""
    ranks = Ranks()
    length, worst = 75, 0.0
    block = make_block(OURS, VECTORS).double()
    whole = _own_part(length, None, torch.float64)
    part = _own_part(length, ranks, torch.float64)
    assert part[2].sharding is not None
    bounds = even_bounds(length, ranks.size)
    own = slice(bounds[ranks.rank], bounds[ranks.rank + 1])
    expected, found = block(*whole), block(*part)
    gradients = _training(block, *whole), _training(block, *part)
    for ours, theirs in zip(found, expected, strict=True):
        worst = max(worst, _relative(ours, theirs[own]))
    for i, (ours, theirs) in enumerate(zip(gradients[1], gradients[0], strict=True)):
        worst = max(worst, _relative(ours, theirs[own]) if i < 2 else _relative(ranks.sum(ours, ""), theirs))
    return worst


def _relative(found: Tensor, expected: Tensor) -> float:
    difference = (found - expected).detach().abs().max()
    return float(difference / expected.detach().abs().max().clamp(min=1e-30))


def _own_part(length: int, ranks: Ranks | None, dtype: torch.dtype) -> tuple[Tensor, Tensor, Geometry]:
    """This rank's part of a chain whose neighbours are the eight before and after; None: the whole chain.

    One process alone works on it as it always does, without a sharding.
    """
    alone = ranks is None or ranks.size == 1
    bounds = [0, length] if ranks is None else even_bounds(length, ranks.size)
    number = 0 if ranks is None else ranks.rank
    start, stop = bounds[number], bounds[number + 1]
    positions = torch.randn(length, 3, generator=torch.Generator().manual_seed(0)).cumsum(0).to(dtype)
    positions -= positions.mean(dim=0)
    places = torch.arange(start, stop)
    steps = torch.tensor([o for o in range(-NEIGHBORS // 2, NEIGHBORS // 2 + 1) if o])
    table = places[:, None] + steps
    kept = (table >= 0) & (table < length)
    table = torch.where(kept, table, places[:, None])
    edges, coefficients = chain_edges(positions[start:stop], positions, table, kept)
    # Every token has numbers of its own, whoever holds it.
    waves = torch.arange(1, HIDDEN + 1, dtype=dtype)
    scalars = torch.sin(places[:, None].to(dtype) * (waves * 0.37 % 3.1) + waves)
    vectors = torch.cos(scalars[:, : 3 * VECTORS]).unflatten(1, (VECTORS, 3)).contiguous()
    sharding = None if alone or ranks is None else TokenSharding([length], bounds, table, ranks)
    index = table if sharding is None else sharding.neighbors.index
    return (
        scalars,
        vectors,
        Geometry(
            positions[start:stop].clone(),
            index,
            edges,
            coefficients,
            equal_length_runs([length]),
            torch.zeros(stop - start, dtype=torch.int64),
            start,
            sharding,
        ),
    )
