"""Simulated trajectories on disk, each set under a name made of what it is, so that it is simulated once."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from geometric_hyena.data.download import cache_directory
from geometric_hyena.data.kept_arrays import read_kept, write_kept
from geometric_hyena.data.nbody.simulation import Trajectories, simulate

_VERSION = 1  # of the simulation: raise it when the same settings give other trajectories


def cached_trajectories(
    particles: int, count: int, stream: Sequence[int], steps: Sequence[int], walls: bool
) -> Trajectories:
    """`count` trajectories in float32, from the cache or simulated into it, with a progress bar.

    Args:
        particles: n.
        count: number of trajectories; the first of a larger set are those of a smaller one.
        stream: seed and split; with its number they determine a trajectory.
        steps: which steps to keep.
        walls: whether there are walls.

    Raises:
        InputError: where the cache directory cannot be written.
    """
    key = {
        "version": _VERSION,
        "particles": particles,
        "count": count,
        "stream": list(stream),
        "steps": list(steps),
        "walls": walls,
    }
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    path = cache_directory() / "nbody" / f"{name}.npz"
    kept = read_kept(path)
    if kept is not None:
        return Trajectories(**kept)
    found = _simulate(particles, count, stream, steps, walls)
    write_kept(path, vars(found))
    return found


def _simulate(
    particles: int, count: int, stream: Sequence[int], steps: Sequence[int], walls: bool
) -> Trajectories:
    generators = [np.random.default_rng([*stream, number]) for number in range(count)]
    with _progress_bar() as progress:
        task = progress.add_task(f"simulating {count:,} trajectories of {particles} particles", total=count)
        done = simulate(
            particles, generators, steps, walls=walls, progress=lambda n: progress.advance(task, n)
        )
    arrays = (x.astype(np.float32) for x in (done.positions, done.velocities, done.charges))
    return Trajectories(*arrays)


def _progress_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
