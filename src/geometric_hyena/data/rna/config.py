"""What is read, built and split in the RNA recipes, one configuration a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar

from geometric_hyena.data.rna.representations import REPRESENTATIONS
from geometric_hyena.errors import InputError

SPLITS = ("random", "cluster", "own")
LARGEST_CONTEXT = 100


@dataclass(frozen=True)
class RnaConfig:
    """Predict measurements of RNA from its structure.

    Attributes:
        structures: folder, archive or file with structures named by id; none: sketches are built.
        representation: backbone (P, C4', N9 or N1 of a nucleotide) or all-atom.
        hydrogens: give hydrogens tokens, too, in all-atom.
        pair_probabilities: give those of ViennaRNA as features.
        context: nucleotides on either side whose letter, loop and partner a token is told.
        split: random, cluster (of like sequences) or own; none: own, else random.
        split_seed: of the random and the cluster split.
        test_path: more measurements, all of them the test, in place of that of the split.
        neighbors: number of nearest neighbours of a token.
        radius: largest distance of neighbours, angstrom.
        skip_invalid: leave bad rows and structures out and list them, instead of an error.
        molecules: at most so many, drawn at random by split_seed; 0: all.
    """

    # The field with the file of measurements.
    source: ClassVar[str] = "path"
    # What else decides which molecules of that file train, validate and test.
    split_options: ClassVar[tuple[str, ...]] = ("split", "split_seed", "molecules")

    structures: str | None = None
    representation: str = "backbone"
    hydrogens: bool = False
    pair_probabilities: bool = True
    context: int = 8
    split: str | None = None
    split_seed: int = 0
    test_path: str | None = None
    neighbors: int = 16
    radius: float = 10.0
    skip_invalid: bool = False
    molecules: int = 0

    @property
    def file(self) -> str:
        """The file with the measurements."""
        return getattr(self, self.source) or ""


@dataclass(frozen=True)
class OpenVaccineConfig(RnaConfig):
    """Degradation of mRNA constructs.

    Attributes:
        path: Kaggle's train.json; see ghyena data open-vaccine --help.
        targets: of reactivity, deg_Mg_pH10, deg_pH10, deg_Mg_50C, deg_50C; none: the first three.
        sn_filter: only constructs that pass the signal-to-noise filter.
    """

    path: str | None = None
    targets: list[str] = field(default_factory=list, metadata={"commas": True})
    sn_filter: bool = True


@dataclass(frozen=True)
class RibonanzaConfig(RnaConfig):
    """Chemical mapping by DMS and 2A3.

    Attributes:
        path: Kaggle's train_data.csv; see ghyena data ribonanza --help.
        dataset: a dataset_name; none: chosen by size and how normal its labels are.
        smallest: fewest molecules of a sub-data-set that is chosen.
        largest: most of them.
    """

    path: str | None = None
    dataset: str | None = None
    smallest: int = 2000
    largest: int = 2500


@dataclass(frozen=True)
class TcRiboConfig(RnaConfig):
    """Tetracycline riboswitches.

    Attributes:
        path: Tc-Riboswitches.csv; see ghyena data tc-ribo --help.
        context: nucleotides on either side whose letter, loop and partner a token is told.
    """

    context: int = 0  # 248 variants of a molecule would be learned by heart

    path: str | None = None


@dataclass(frozen=True)
class RnaTableConfig(RnaConfig):
    """Measurements of one's own.

    Attributes:
        labels: CSV file with labels per nucleotide or per molecule; see ghyena data rna --help.
        targets: columns to predict; none: all that have no other meaning.
        level: nucleotide or molecule; none: as the labels say.
    """

    source: ClassVar[str] = "labels"

    labels: str | None = None
    targets: list[str] = field(default_factory=list, metadata={"commas": True})
    level: str | None = None


def with_known_targets(config: RnaConfig, names: Sequence[str], level: str) -> RnaConfig:
    """The configuration with these targets and this level, as far as it has a choice of them."""
    known: dict[str, object] = {"targets": list(names), "level": level}
    present = {f.name for f in fields(config)}
    return replace(config, **{name: value for name, value in known.items() if name in present})


def check_rna_config(config: RnaConfig) -> None:
    """Check the values that can be checked without reading a file.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    if not config.file:
        name = config.source
        raise InputError(f"data.{name}: expected the file with the measurements; give --data.{name} FILE")
    choices: dict[str, tuple[str, tuple[str, ...]]] = {
        "representation": (config.representation, REPRESENTATIONS)
    }
    if config.split is not None:
        choices["split"] = (config.split, SPLITS)
    if isinstance(config, RnaTableConfig) and config.level is not None:
        choices["level"] = (config.level, ("nucleotide", "molecule"))
    for name, (value, known) in choices.items():
        if value not in known:
            raise InputError(f"data.{name}: expected {' or '.join(known)}, got '{value}'")
    if config.test_path is not None and Path(config.test_path).resolve() == Path(config.file).resolve():
        raise InputError("data.test_path: is the file that is trained on; give another one")
    if config.hydrogens and config.representation != "all-atom":
        raise InputError("data.hydrogens: only all-atom has tokens for hydrogens")
    if not 0 <= config.context <= LARGEST_CONTEXT:
        raise InputError(f"data.context: expected 0 to {LARGEST_CONTEXT}, got {config.context}")
    if config.neighbors < 1:
        raise InputError(f"data.neighbors: expected at least 1, got {config.neighbors}")
    if not config.radius > 0:
        raise InputError(f"data.radius: expected a positive distance in angstrom, got {config.radius}")
    for name, value in (("split_seed", config.split_seed), ("molecules", config.molecules)):
        if value < 0:
            raise InputError(f"data.{name}: expected zero or more, got {value}")
