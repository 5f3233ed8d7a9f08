"""`ProteinMDConfig`: what is read, selected, predicted and split in protein molecular dynamics."""

from dataclasses import dataclass, field
from typing import ClassVar

from geometric_hyena.errors import InputError


@dataclass(frozen=True)
class ProteinMDConfig:
    """Predict where the atoms of a molecular dynamics trajectory move `lag` frames ahead.

    Attributes:
        topology: topology or structure file; none: adenylate kinase, part of MDAnalysisTests.
        trajectory: trajectory files, one after the other; no sample spans two.
        validation_trajectory: files for validation; none: the middle of the training trajectory.
        test_trajectory: files for the test; none: the end of the training trajectory.
        selection: the atoms, in MDAnalysis' selection language.
        lag: how many frames ahead to predict.
        velocities: give the backward differences x[t] - x[t-1] as input vectors.
        stride: use every stride-th start frame.
        validation_fraction: part of the frames kept for validation, contiguous in time.
        test_fraction: the same for the test; ignored where test_trajectory is given.
        neighbors: number of nearest neighbours of an atom.
        radius: largest distance of neighbours, angstrom.
    """

    # What else decides which frames train, validate and test.
    split_options: ClassVar[tuple[str, ...]] = ("validation_fraction", "test_fraction")

    topology: str | None = None
    trajectory: list[str] = field(default_factory=list)
    validation_trajectory: list[str] = field(default_factory=list)
    test_trajectory: list[str] = field(default_factory=list)
    selection: str = "backbone"
    lag: int = 5
    velocities: bool = True
    stride: int = 1
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    neighbors: int = 16
    radius: float = 10.0


def check_config(config: ProteinMDConfig) -> None:
    """Check the values that can be checked without reading a file.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    for name in ("trajectory", "validation_trajectory", "test_trajectory"):
        if config.topology is None and getattr(config, name):
            raise InputError(
                f"data.{name}: a trajectory needs its topology; give data.topology (PSF, PDB, GRO, ...)"
            )
    for name in ("lag", "stride", "neighbors"):
        if getattr(config, name) < 1:
            raise InputError(f"data.{name}: expected at least 1, got {getattr(config, name)}")
    if not config.radius > 0:
        raise InputError(f"data.radius: expected a positive distance in angstrom, got {config.radius}")
    fractions = used_fractions(config)
    for name, fraction in fractions.items():
        if not 0 < fraction < 1:
            raise InputError(f"data.{name}: expected a number between 0 and 1, got {fraction}")
    if sum(fractions.values()) >= 1:
        raise InputError(
            f"data.validation_fraction and data.test_fraction: {config.validation_fraction} + "
            f"{config.test_fraction} leave no frames to train on; their sum must be below 1"
        )


def used_fractions(config: ProteinMDConfig) -> dict[str, float]:
    """The fractions by which the training trajectory is cut: those without trajectories of their own."""
    fractions = {}
    if not config.validation_trajectory:
        fractions["validation_fraction"] = config.validation_fraction
    # The embedded default brings a second trajectory as its test.
    if not config.test_trajectory and config.topology is not None:
        fractions["test_fraction"] = config.test_fraction
    return fractions
