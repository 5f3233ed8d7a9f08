"""`RnaRecord`, one molecule with its measurements, and `RnaData`, a data set of them."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from geometric_hyena.data.rna.loop_types import loop_types

Level = Literal["nucleotide", "molecule"]


@dataclass(frozen=True, eq=False)
class RnaRecord:
    """One RNA of N nucleotides with T targets.

    Attributes:
        id: unique in its data set.
        sequence: letters `ACGU`.
        structure: dot-bracket.
        targets: (N, T) per nucleotide or (1, T) per molecule; NaN where nothing was measured.
        errors: standard errors of the targets, the same shape, NaN where unknown; or None.
        source: file and row, for messages.
    """

    id: str
    sequence: str
    structure: str
    targets: np.ndarray
    errors: np.ndarray | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def loop_types(self) -> str:
        """Loop type of every nucleotide, in bpRNA's letters."""
        return loop_types(self.structure)

    @property
    def mask(self) -> np.ndarray:
        """Where targets were measured, bool, of the shape of `targets`."""
        return np.isfinite(self.targets)


@dataclass(frozen=True, eq=False)
class RnaData:
    """A data set.

    Attributes:
        records: its molecules.
        target_names: names of the T targets.
        level: whether targets belong to nucleotides or to whole molecules.
        splits: the split that the data set brings, name to places in `records`; or None.
        notes: what was changed on the way, a line each (T read as U, ...).
        skipped: what was left out and why, a line each.
    """

    records: tuple[RnaRecord, ...]
    target_names: tuple[str, ...]
    level: Level
    splits: dict[str, np.ndarray] | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.records)
