"""`ghyena benchmark streaming`: a model on more tokens than a budget holds, its features on disk."""

import gc
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from geometric_hyena.benchmarks.measure import reset_peak
from geometric_hyena.benchmarks.one_block import HIDDEN, NEIGHBORS
from geometric_hyena.benchmarks.settings import Settings
from geometric_hyena.benchmarks.verdict import verdict
from geometric_hyena.geometry.graph import GeometricBatch
from geometric_hyena.geometry.neighbors import Neighbors
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.memory import GIB, resident_bytes, spoken_size
from geometric_hyena.models.geometric_hyena import GeometricHyena
from geometric_hyena.streaming import BatchFiles, stream
from geometric_hyena.streaming.batch_files import neighbours_of
from geometric_hyena.streaming.plan import make_plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SCALARS = 16
# Parts of the tokens asked for that are measured, too.
_PARTS = (16, 4, 1)
_CHECKED = 300
_BLOCK = 1 << 18


def title(settings: Settings) -> str:
    """What is measured."""
    return (
        f"One block and its embedding, H = {HIDDEN}, C = {settings.channels}, k = {NEIGHBORS}, "
        f"streamed within {spoken_size(settings.memory)}"
    )


def check(settings: Settings, device: torch.device) -> None:
    """Raise AssertionError unless the streamed model says what the model says.

    Raises:
        InputError: for a memory budget that cannot be met.
    """
    model = make_model(settings.channels)
    make_plan(model, [settings.tokens], NEIGHBORS, settings.memory)
    with tempfile.TemporaryDirectory() as folder, token_limits(64, 0), torch.no_grad():
        write_chain(Path(folder), _CHECKED)
        files = BatchFiles(folder)
        expected = model(_in_memory(files))
        found = stream(model, files, settings.memory, folder)
        for name in ("scalars", "vectors", "positions"):
            theirs = getattr(expected, name)
            error = float((getattr(found, name) - theirs).abs().max() / theirs.abs().max())
            assert error < 1e-5, f"{name}: streamed, they differ by {error:.2g} of the largest"


def rows(settings: Settings, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row a number of tokens."""
    model = make_model(settings.channels)
    for part in _PARTS[:1] if settings.quick else _PARTS:
        tokens = max(1, settings.tokens // part)
        with tempfile.TemporaryDirectory() as folder:
            write_chain(Path(folder), tokens)
            files = BatchFiles(folder)
            plan = make_plan(model, [tokens], NEIGHBORS, settings.memory)
            gc.collect()
            reset_peak()
            started = time.perf_counter()
            stream(model, files, settings.memory, folder)
            seconds, peak = time.perf_counter() - started, resident_bytes("VmHWM")
        yield {
            "N": tokens,
            "budget, GiB": settings.memory / GIB,
            "process at most, GiB": None if peak is None else peak / GIB,
            "process, bytes per token": None if peak is None else peak / tokens,
            "disk, bytes per token": plan.disk / tokens,
            "tokens of a block": plan.block,
            "channels of a convolution": plan.channels,
            "seconds": seconds,
            "microseconds per token": 1e6 * seconds / tokens,
        }


def targets(found: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Whether the process stayed within the budget."""
    peaks = [row["process at most, GiB"] for row in found]
    worst = None if None in peaks else max(peaks)
    what = f"GiB of the process, up to N = {found[-1]['N']:,}"
    return [verdict(what, worst, "most", settings.memory / GIB)]


def figure(record: dict[str, Any]) -> "Figure":
    """Memory of the process against N, below the budget."""
    from geometric_hyena.benchmarks.figures import streaming_figure

    return streaming_figure(record["rows"])


def make_model(channels: int) -> GeometricHyena:
    """The model that is streamed."""
    torch.manual_seed(0)
    return GeometricHyena(_SCALARS, hidden_dim=HIDDEN, vector_channels=channels, blocks=1)


def write_chain(folder: Path, tokens: int) -> None:
    """A chain whose neighbours are the eight before and after, as files; written a block at a time."""
    generator, end = np.random.default_rng(0), np.zeros(3)
    kinds = {"scalars": (_SCALARS, "f4"), "positions": (3, "f4"), "neighbors": (NEIGHBORS, "i4")}
    files = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, (tokens, width))
        for name, (width, kind) in kinds.items()
    }
    offsets = [o for o in range(-NEIGHBORS // 2, NEIGHBORS // 2 + 1) if o]
    for start in range(0, tokens, _BLOCK):
        part = slice(start, min(start + _BLOCK, tokens))
        count = part.stop - start
        steps = generator.standard_normal((count, 3)).cumsum(axis=0) + end
        end = steps[-1]
        table = np.arange(start, part.stop)[:, None] + offsets
        files["positions"][part] = steps
        files["scalars"][part] = generator.standard_normal((count, _SCALARS), np.float32)
        files["neighbors"][part] = np.where((table >= 0) & (table < tokens), table, -1)


def _in_memory(files: BatchFiles) -> GeometricBatch:
    tokens = files.scalars.shape[0]
    table = Neighbors(*neighbours_of(files, 0, tokens))
    return GeometricBatch(files.scalars[:], files.positions[:], files.lengths, table)
