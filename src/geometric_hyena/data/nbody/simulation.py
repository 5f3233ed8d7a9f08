"""Charged particles: Coulomb forces, kick and drift, all trajectories of a chunk at once, in float64.

The system of Kipf et al. (2018) in three dimensions, as Fuchs et al. (2020) and Satorras et al. (2021) use
it: charges +-1 at even odds, unit masses, the force on particle i is

    F_i = sum_j c_i c_j (x_i - x_j) / |x_i - x_j|^3

without softening, every component clipped to +-100. Positions start normal with standard deviation
(n / 5)^(1/3), velocities with isotropic directions and speed 0.5.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

TIME_STEP = 0.001
LARGEST_FORCE = 0.1 / TIME_STEP
BOX = 5.0
_INITIAL_SPEED = 0.5
_PAIRS_AT_ONCE = 8192  # pairs of particles in a chunk: its arrays stay in cache


@dataclass(frozen=True)
class Trajectories:
    """S trajectories of n particles at F of their steps.

    Attributes:
        positions: (S, F, n, 3).
        velocities: (S, F, n, 3), those that led to the positions.
        charges: (S, n), +1 or -1.
    """

    positions: np.ndarray
    velocities: np.ndarray
    charges: np.ndarray


def simulate(
    particles: int,
    generators: Sequence[np.random.Generator],
    steps: Sequence[int],
    *,
    walls: bool = False,
    time_step: float = TIME_STEP,
    largest_force: float = LARGEST_FORCE,
    progress: Callable[[int], object] = lambda done: None,
) -> Trajectories:
    """Simulate one trajectory per generator and keep the given steps, ascending; step 0 is the initial state.

    Args:
        particles: n.
        generators: one per trajectory, for its initial state; a trajectory depends on nothing else.
        steps: which steps to keep.
        walls: reflect particles at the walls of the box |x| <= 5; else they are inside it only at first.
        time_step: dt.
        largest_force: every component of a force is clipped to plus or minus this.
        progress: called with the number of trajectories each time some are finished.

    Returns:
        The trajectories in float64.
    """
    size = max(1, _PAIRS_AT_ONCE // particles**2)
    parts = []
    for first in range(0, len(generators), size):
        states = [initial_state(particles, g) for g in generators[first : first + size]]
        positions, velocities, charges = (np.stack(x) for x in zip(*states, strict=True))
        parts.append(_advance(positions, velocities, charges, steps, walls, time_step, largest_force))
        progress(len(states))
    joined = (np.concatenate(x) for x in zip(*parts, strict=True))
    return Trajectories(*joined)


def initial_state(
    particles: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (n, 3), velocities (n, 3) and charges (n,)."""
    charges = generator.choice([-1.0, 1.0], size=particles)
    positions = generator.standard_normal((particles, 3)) * (particles / 5) ** (1 / 3)
    velocities = generator.standard_normal((particles, 3))
    velocities *= _INITIAL_SPEED / np.linalg.norm(velocities, axis=1, keepdims=True)
    reflect(positions, velocities)
    return positions, velocities, charges


def reflect(positions: np.ndarray, velocities: np.ndarray) -> None:
    """Put particles that are beyond a wall of the box back inside, in place, and turn their velocity."""
    for side in (1, -1):
        beyond = side * positions > BOX
        positions[beyond] = 2 * side * BOX - positions[beyond]
        velocities[beyond] = -side * np.abs(velocities[beyond])


def forces(positions: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Coulomb forces (S, n, 3) on particles at (S, n, 3) with charges (S, n)."""
    # Components first: every pass is over contiguous (S, n, n).
    offsets = [x[:, :, None] - x[:, None, :] for x in np.moveaxis(positions, -1, 0)]
    squared = offsets[0] ** 2
    squared += offsets[1] ** 2
    squared += offsets[2] ** 2
    own = np.arange(positions.shape[1])
    squared[:, own, own] = np.inf  # no force on oneself
    strength = charges[:, :, None] * charges[:, None, :] / (squared * np.sqrt(squared))
    return np.stack([np.einsum("sij,sij->si", strength, x) for x in offsets], axis=-1)


def _advance(
    positions: np.ndarray,
    velocities: np.ndarray,
    charges: np.ndarray,
    steps: Sequence[int],
    walls: bool,
    time_step: float,
    largest_force: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run a chunk of trajectories to the last of `steps`."""
    kept, wanted = {0: (positions.copy(), velocities.copy())}, set(steps)
    for step in range(1, max(steps) + 1):
        force = forces(positions, charges).clip(-largest_force, largest_force)
        velocities += time_step * force
        positions += time_step * velocities
        if walls:
            reflect(positions, velocities)
        if step in wanted:
            kept[step] = (positions.copy(), velocities.copy())
    frames = [kept[step] for step in steps]
    return np.stack([x for x, _ in frames], axis=1), np.stack([v for _, v in frames], axis=1), charges
