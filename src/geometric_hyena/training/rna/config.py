"""Configurations of the RNA recipes: `open-vaccine`, `ribonanza`, `tc-ribo`, and `rna` for one's own data."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from geometric_hyena.data.rna.config import (
    OpenVaccineConfig,
    RibonanzaConfig,
    RnaConfig,
    RnaTableConfig,
    TcRiboConfig,
    with_known_targets,
)
from geometric_hyena.data.rna.records import Level
from geometric_hyena.data.rna.ribonanza import EXPERIMENTS
from geometric_hyena.data.rna.tc_ribo import TARGET
from geometric_hyena.errors import InputError
from geometric_hyena.training.config import NetworkConfig, OptimizerConfig, RunConfig, check_dropout

OPPONENTS = ("all", "tables")


@dataclass(frozen=True)
class RnaRunConfig(RunConfig):
    """Train on measurements of RNA.

    Attributes:
        dropout: part of the scalars left out in training, before blocks and when pooled.
        jitter: deviation of the noise on positions in training, angstrom.
        opponents: all, or tables: without GRU and SVR, which have to be trained.
        data: what is read, built and split.
    """

    epochs: int = 60
    batch_size: int = 16
    dropout: float = 0.2
    jitter: float = 0.0
    opponents: str = "all"
    network: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(hidden_dim=64, vector_channels=8, blocks=2)
    )
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    data: RnaConfig = field(default_factory=RnaConfig)


@dataclass(frozen=True)
class OpenVaccineRun(RnaRunConfig):
    """Train on the degradation of mRNA constructs (Open Vaccine).

    Attributes:
        data: what is read, built and split.
    """

    data: OpenVaccineConfig = field(default_factory=OpenVaccineConfig)


@dataclass(frozen=True)
class RibonanzaRun(RnaRunConfig):
    """Train on chemical mapping by DMS and 2A3 (Ribonanza).

    Attributes:
        data: what is read, built and split.
    """

    data: RibonanzaConfig = field(default_factory=RibonanzaConfig)


@dataclass(frozen=True)
class TcRiboRun(RnaRunConfig):
    """Train on the switching factors of tetracycline riboswitches.

    Attributes:
        data: what is read, built and split.
    """

    # For 248 molecules. Longer runs were tried only before norms were measured, and did worse on validation.
    epochs: int = 30
    network: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(hidden_dim=32, vector_channels=8, blocks=2)
    )
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(weight_decay=1e-4))
    data: TcRiboConfig = field(default_factory=TcRiboConfig)


@dataclass(frozen=True)
class RnaRun(RnaRunConfig):
    """Train on measurements of one's own, per nucleotide or per molecule.

    Attributes:
        data: what is read, built and split.
    """

    aliases = ("structures", "labels")

    data: RnaTableConfig = field(default_factory=RnaTableConfig)


def check_rna_run(config: RnaRunConfig) -> None:
    """Check what `check_run_config` does not know.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    check_dropout(config.dropout)
    if not 0 <= config.jitter < float("inf"):
        raise InputError(f"jitter: expected angstrom from 0 on, got {config.jitter}")
    if config.opponents not in OPPONENTS:
        raise InputError(f"opponents: expected {' or '.join(OPPONENTS)}, got '{config.opponents}'")


def with_targets(config: RnaRunConfig, names: Sequence[str], level: Level) -> RnaRunConfig:
    """The configuration with the targets and the level that the data turned out to have."""
    return dataclasses.replace(config, data=with_known_targets(config.data, names, level))


def targets_of(config: RnaRunConfig) -> tuple[tuple[str, ...], Level]:
    """Names and level of the targets that a run predicts, from its resolved configuration."""
    data = config.data
    if isinstance(data, RibonanzaConfig):
        return EXPERIMENTS, "nucleotide"
    if isinstance(data, TcRiboConfig):
        return (TARGET,), "molecule"
    if isinstance(data, OpenVaccineConfig):
        return tuple(data.targets), "nucleotide"
    if isinstance(data, RnaTableConfig) and data.targets:
        return tuple(data.targets), "molecule" if data.level == "molecule" else "nucleotide"
    raise InputError("data.targets: the configuration of this run does not name its targets; train it again")
