"""Frames of a trajectory as graphs, with the displacement `lag` frames ahead as target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from geometric_hyena.data.protein_md.atoms import AtomTable
from geometric_hyena.data.protein_md.config import ProteinMDConfig, check_config
from geometric_hyena.data.protein_md.features import atom_features, speed_feature
from geometric_hyena.data.protein_md.mdanalysis_reader import embedded_files
from geometric_hyena.data.protein_md.splits import FrameSplit, split_frames
from geometric_hyena.data.protein_md.trajectory import Trajectory, load_trajectory
from geometric_hyena.data.splits import Splits, file_identity
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricGraph
from geometric_hyena.geometry.neighbors import nearest_neighbors


@dataclass(frozen=True, eq=False)
class Sample:
    """One frame as input, and where its atoms go.

    Attributes:
        graph: scalars (N, S), positions (N, 3) in angstrom as in the trajectory, vectors (N, 1, 3) the
            displacements since the frame before in angstrom, or None; neighbours.
        target: displacements x[t + lag] - x[t], (N, 3), angstrom; None where only the input is asked for.
        frame: t, counted from 0 in its trajectory.
        trajectory: number of the trajectory: 0 is the one trained on.
    """

    graph: GeometricGraph
    target: Tensor | None
    frame: int
    trajectory: int = 0


class FrameDataset(Dataset[Sample]):
    """Samples of one trajectory, built when asked for; the neighbours of a frame are searched once.

    Args:
        trajectory: coordinates and atoms.
        frames: start frames t, in the order of the samples.
        lag: how many frames ahead the target lies; None for samples without target.
        velocities: give the displacements since frame t - 1 as vectors, and their length as a feature.
        neighbors: number of nearest neighbours.
        radius: their largest distance, angstrom.
        number: number of the trajectory, kept in every sample.

    Raises:
        InputError: where t + lag or, with velocities, t - 1 lies outside the trajectory.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        frames: Sequence[int],
        *,
        lag: int | None,
        velocities: bool = True,
        neighbors: int = 16,
        radius: float = 10.0,
        number: int = 0,
    ):
        low, high = int(velocities), len(trajectory) - 1 - (lag or 0)
        for frame in frames:
            if not low <= frame <= high:
                raise InputError(f"frames: expected start frames from {low} to {high}, got {frame}")
        self.trajectory = trajectory
        self.frames = frames
        self.lag = lag
        self.velocities = velocities
        self.neighbors = neighbors
        self.radius = radius
        self.number = number
        self.features = atom_features(trajectory.atoms)
        self._coordinates = torch.from_numpy(trajectory.coordinates)
        self._tables: dict[int, Tensor] = {}

    @property
    def scalar_dim(self) -> int:
        """S, number of scalar features."""
        return self.features.shape[1] + int(self.velocities)

    @property
    def vector_dim(self) -> int:
        """V, number of input vectors."""
        return int(self.velocities)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Sample:
        frame = self.frames[index]
        positions = self._coordinates[frame]
        scalars, vectors = self.features, None
        if self.velocities:
            velocity = positions - self._coordinates[frame - 1]
            scalars = torch.cat([scalars, speed_feature(velocity)], dim=1)
            vectors = velocity[:, None]
        graph = GeometricGraph(scalars, positions.clone(), vectors, self._neighbors(frame))
        target = None if self.lag is None else self._coordinates[frame + self.lag] - positions
        return Sample(graph, target, frame, self.number)

    def _neighbors(self, frame: int) -> Tensor:
        table = self._tables.get(frame)
        if table is None:
            table = nearest_neighbors(self._coordinates[frame], self.neighbors, self.radius)
            self._tables[frame] = table.to(torch.int32)  # half the memory; indices are below 2^31
        return table.long()


@dataclass(frozen=True, eq=False)
class ProteinMDData(Splits[FrameDataset]):
    """Frames of trajectories.

    Validation frames lie between those of the training, test frames later; either may be another trajectory.

    Attributes:
        atoms: the atoms; the same in all splits.
    """

    atoms: AtomTable


def load_protein_md(config: ProteinMDConfig) -> ProteinMDData:
    """Read, check and split the trajectories of a configuration.

    Raises:
        InputError: naming the option or the file that cannot be used.
        MissingDependencyError: where MDAnalysis (or, for the embedded default, MDAnalysisTests) is missing.
    """
    check_config(config)
    topology, files = _files(config)
    trajectories = {
        name: load_trajectory(topology, paths, config.selection)
        for name, paths in files.items()
        if paths or name == "train"
    }
    frames = {name: len(t) for name, t in trajectories.items()}
    parts = split_frames(
        config,
        frames,
        {name: t.source for name, t in trajectories.items()},
        {name: t.joints for name, t in trajectories.items()},
    )
    loaded = list(trajectories.values())
    splits = {
        name: FrameDataset(
            loaded[part.trajectory],
            part.starts(config.lag, config.velocities, config.stride),
            lag=config.lag,
            velocities=config.velocities,
            neighbors=config.neighbors,
            radius=config.radius,
            number=part.trajectory,
        )
        for name, part in parts.items()
    }
    atoms = loaded[0].atoms
    sources = [(files[name] or [topology], t) for name, t in trajectories.items()]
    identity = _identity(config, topology, sources, parts, splits)
    return ProteinMDData(**splits, identity=identity, atoms=atoms)


def frames_for_prediction(
    config: ProteinMDConfig, topology: str, trajectory: Sequence[str] = ()
) -> tuple[FrameDataset, AtomTable, list[int]]:
    """Graphs without targets for every frame of which a trained model can predict the future.

    With velocities the first frame of a file has no frame before it, and prediction starts behind it.

    Args:
        config: of the run whose model predicts; its selection, velocities and neighbours are used.
        topology: file of the topology or structure.
        trajectory: files, one after the other; none: the structures in `topology`.

    Returns:
        The samples, the atoms, and the frame of every sample, counted from 0.

    Raises:
        InputError: where a file cannot be used, or velocities are needed and there is one frame only.
    """
    loaded = load_trajectory(topology, trajectory, config.selection)
    without = {0, *loaded.joints} if config.velocities else set()
    frames = [frame for frame in range(len(loaded)) if frame not in without]
    if not frames:
        raise InputError(
            f"{loaded.source}: the model was trained with velocities (data.velocities), which one structure "
            f"does not give: pass a trajectory, or train with --data.velocities false"
        )
    dataset = FrameDataset(
        loaded,
        frames,
        lag=None,
        velocities=config.velocities,
        neighbors=config.neighbors,
        radius=config.radius,
    )
    return dataset, loaded.atoms, frames


def _files(config: ProteinMDConfig) -> tuple[str, dict[str, list[str]]]:
    if config.topology is None:
        topology, train, test = embedded_files()
        return topology, {"train": [train], "validation": [], "test": [test]}
    given = (config.trajectory, config.validation_trajectory, config.test_trajectory)
    return config.topology, dict(zip(("train", "validation", "test"), map(list, given), strict=True))


def _identity(
    config: ProteinMDConfig,
    topology: str,
    sources: list[tuple[list[str], Trajectory]],
    parts: dict[str, FrameSplit],
    splits: dict[str, FrameDataset],
) -> dict[str, Any]:
    return {
        "data": "protein_md",
        "topology": file_identity(topology),
        "trajectories": [
            {"files": [file_identity(p) for p in paths], "frames": len(t), "timestep_ps": t.timestep}
            for paths, t in sources
        ],
        "atoms": len(sources[0][1].atoms),
        "selection": config.selection,
        "lag": config.lag,
        "velocities": config.velocities,
        "stride": config.stride,
        "neighbors": config.neighbors,
        "radius": config.radius,
        "splits": {
            name: {
                "trajectory": part.trajectory,
                "frames": [list(stretch) for stretch in part.stretches],
                "samples": len(splits[name]),
            }
            for name, part in parts.items()
        },
    }
