"""A table of the papers: its rows, its columns (each a sweep of one setting), and what is published in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from geometric_hyena.errors import InputError
from geometric_hyena.reproduce.plan import Choices
from geometric_hyena.reproduce.sweep import Sweep
from geometric_hyena.reproduce.tables.claims import Claim

OURS = "G-Hyena"  # the papers' row of their own model


@dataclass(frozen=True)
class Row:
    """A row: what the papers call it, and the row of the sweeps that is trained for it.

    `extension` marks rows that the papers' table does not have.
    """

    label: str
    name: str
    extension: bool = False


@dataclass(frozen=True)
class PaperTable:
    """A table of the papers.

    Attributes:
        name: as the command line knows it.
        title: what it shows.
        rows: in the papers' order, extensions at the end.
        columns: in the papers' order; all have the same rows.
        published: column -> label of a row -> the paper's value as printed: "0.363±0.045", "OOM", "NaN".
        source: where these are printed.
        unit: of the errors, for headings.
        claims: what the papers say of the gains.
        differences: what differs from the papers here, and why, a sentence or two each.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    columns: tuple[Sweep, ...]
    published: Mapping[str, Mapping[str, str]]
    source: str
    differences: tuple[str, ...]
    unit: str = ""
    claims: tuple[Claim, ...] = field(default=())

    def chosen_columns(self, names: Sequence[str]) -> list[Sweep]:
        """The columns of these names; of none: all.

        Raises:
            InputError: for a name that is none.
        """
        known = {column.name: column for column in self.columns}
        for name in names:
            if name not in known:
                raise InputError(
                    f"--values: {self.name} has no column '{name}'; choose from: {','.join(known)}"
                )
        return [known[name] for name in names or known]

    def within(self, column: Sweep, choices: Choices) -> Choices:
        """What the command line asks for in a column, which has one setting."""
        for model in choices.models:
            if model not in column.models:
                rows = ",".join(column.models)
                raise InputError(f"--models: {self.name} has no '{model}'; choose from: {rows}")
        return replace(choices, settings=())


def published_column(labels: Sequence[str], printed: str) -> dict[str, str]:
    """The paper's column, one word a row; "-" where the paper has none."""
    words = printed.split()
    if len(words) != len(labels):
        raise ValueError(f"{len(words)} values for {len(labels)} rows")
    return {label: word for label, word in zip(labels, words, strict=True) if word != "-"}
