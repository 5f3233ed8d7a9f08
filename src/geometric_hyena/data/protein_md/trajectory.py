"""`Trajectory`: the coordinates of selected atoms in all frames, read and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geometric_hyena.data.protein_md.atoms import AtomTable
from geometric_hyena.data.protein_md.mdanalysis_reader import (
    frame_interval,
    open_topology,
    open_trajectory,
    read_frames,
    select_atoms,
)
from geometric_hyena.errors import InputError

# Angstrom; what is farther away is no molecule's atom, and its squared distances leave single precision.
FARTHEST = 1e7


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Selected atoms of one molecule in F frames.

    Attributes:
        coordinates: (F, N, 3) float32, angstrom.
        atoms: the N atoms.
        source: base names of the files, for messages.
        timestep: time between frames in ps; None where unknown or where the files disagree.
        joints: first frames of the files after the first: nothing says that one goes on from the other.
    """

    coordinates: np.ndarray
    atoms: AtomTable
    source: str
    timestep: float | None = None
    joints: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.coordinates)


def load_trajectory(topology: str, files: Sequence[str], selection: str) -> Trajectory:
    """Read the selected atoms of all frames.

    Args:
        topology: a file that MDAnalysis reads as topology (PSF, PDB, GRO, TPR, ...), or mmCIF.
        files: trajectory files, one after the other; none: the structures in `topology` itself.
        selection: in MDAnalysis' selection language; what depends on positions is taken at frame 0.

    Raises:
        InputError: naming the file and the place that cannot be used.
        MissingDependencyError: where MDAnalysis is not installed.
    """
    universe = open_topology(topology)
    if files:
        readers = [open_trajectory(universe, topology, path) for path in files]
        universe.trajectory = readers[0]
        paths = list(files)
    elif hasattr(universe, "trajectory"):
        readers, paths = [universe.trajectory], [topology]
    else:
        raise InputError(f"{topology}: holds no coordinates; give a trajectory beside it (data.trajectory)")
    indices, atoms = select_atoms(universe, topology, selection)
    parts = []
    for reader, path in zip(readers, paths, strict=True):
        parts.append(read_frames(reader, path, indices))
        _check_finite(parts[-1], path, atoms)
    intervals = [frame_interval(reader) for reader in readers]
    for reader in readers:
        reader.close()
    return Trajectory(
        coordinates=np.concatenate(parts),
        atoms=atoms,
        source=", ".join(Path(path).name for path in paths),
        timestep=_common(intervals),
        joints=tuple(np.cumsum([len(part) for part in parts])[:-1].tolist()),
    )


def _check_finite(coordinates: np.ndarray, path: str, atoms: AtomTable) -> None:
    bad = ~(np.abs(coordinates) <= FARTHEST).all(axis=-1)
    if bad.any():
        frame, token = (int(i[0]) for i in np.nonzero(bad))
        where = coordinates[frame, token]
        what = f"beyond {FARTHEST:g} angstrom" if np.isfinite(where).all() else "that is not finite"
        raise InputError(
            f"{path}: frame {frame}, {atoms.label(token)} has a coordinate {what}; leave that frame out"
        )


def _common(intervals: list[float | None]) -> float | None:
    first = intervals[0]
    if first is None or any(i is None or abs(i - first) > 0.01 * abs(first) for i in intervals):
        return None
    return first
