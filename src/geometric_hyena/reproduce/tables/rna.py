"""What the RNA tables share: rows, sizes of the graphs, budgets, and words about structures and splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from geometric_hyena.data.rna.builder.ideal_residues import are_kept
from geometric_hyena.data.rna.config import OpenVaccineConfig, RibonanzaConfig, RnaConfig, TcRiboConfig
from geometric_hyena.data.rna.dataset import build_structures, scalar_features
from geometric_hyena.data.rna.graphs import EDGE_FEATURES
from geometric_hyena.data.rna.kept_pairing import is_kept_anywhere
from geometric_hyena.errors import MissingDependencyError
from geometric_hyena.reproduce import sources
from geometric_hyena.reproduce.sources import Source
from geometric_hyena.reproduce.sweep import Budget, Sweep, Values, merged
from geometric_hyena.reproduce.tables.paper_table import Row

REPRESENTATIONS = ("backbone", "all-atom")
EQUIFORMER_QUICK = (
    "its runs take as long as those of all other models together; --models equiformer trains it"
)
EQUIFORMER_MEMORY = "its memory grows with the square of the number of atoms; the paper has OOM"

STRUCTURES = (
    "Structures: the papers use RhoFold+; here every structure is a sketch built from sequence and "
    "secondary structure, with A-form stems and no tertiary contacts. Sequence, base pairs and loop types "
    "are in all of them, the true fold in none. Predicted structures: ghyena data rhofold, then ghyena "
    "train --data.structures."
)
OPEN_VACCINE_SPLIT = (
    "Split: the paper's is not published. Here 70 / 15 / 15 at random of the constructs that pass the "
    "signal-to-noise filter; designs come in families, so a random split has relatives on both sides "
    "(--data.split cluster of ghyena train keeps families together)."
)
OPEN_VACCINE_TARGETS = (
    "Targets of Open Vaccine: reactivity, deg_Mg_pH10 and deg_pH10 as in the paper, which are not the three "
    "of the Kaggle competition. The 1,589 constructs of 107 nucleotides, 68 of them measured."
)
FEATURES = (
    "Features: the papers name atom, nucleotide and loop type. Here every model is given the letter of the "
    "partner, the place in the sequence and ViennaRNA's pair probabilities, too, all of it also of eight "
    "nucleotides on either side on Open Vaccine and Ribonanza (--data.context 0: of none)."
)
SIZES = (
    "Sizes: depth, width and optimiser of the papers' RNA runs are not published. The full budget takes 3 "
    "blocks, 64 channels (32 for riboswitches), 8 vector channels where the paper may have 1, Adam with "
    "linear warm-up over 5 % of the steps and cosine decay; every model has the parameters of Geometric "
    "Hyena at equal depth."
)
KEPT = (
    "What is kept: the moving average of the weights at the epoch of the lowest validation loss; the paper "
    "does not say what it keeps."
)
RMSE = (
    "RMSE: over all measured values; the loss is the mean of the targets' RMSEs. The paper says RMSE alone."
)

# What differs from the papers in every table of Open Vaccine, and in every RNA table.
OPEN_VACCINE_DATA = (STRUCTURES, OPEN_VACCINE_SPLIT, OPEN_VACCINE_TARGETS)
TRAINING = (FEATURES, RMSE, SIZES, KEPT)

# The papers' rows of Tables 1 and 2, as they name them.
SCHNET, TFN, EGNN = Row("SchNet", "schnet"), Row("TFN", "tfn"), Row("EGNN", "egnn")
FAST_EGNN, LEFTNET, TMD_ET = Row("FastEGNN", "fast-egnn"), Row("LEFTNet", "leftnet"), Row("TMD-ET", "tmd-et")
TRANSFORMER, HYENA = Row("Transformer", "transformer"), Row("Hyena", "hyena")
VNT, G_TRANSFORMER = Row("VNT", "vn-transformer"), Row("G-Transformer", "g-transformer")
EQUIFORMER, G_HYENA = Row("Equiformer", "equiformer"), Row("G-Hyena", "geometric-hyena")


@dataclass(frozen=True)
class Reduced:
    """The reduced budget of a column, by counting tokens so that a table takes minutes on two cores.

    Attributes:
        molecules: how many are read; 0: all.
        epochs: passes over those of the training split.
        batch_size: molecules per step: so few that there are some hundreds of steps.
    """

    molecules: int
    epochs: int
    batch_size: int


@dataclass(frozen=True)
class DataSet:
    """A data set as the tables run it.

    Attributes:
        recipe: its recipe.
        config: what is read and built, by default.
        title: in words.
        source: its file.
        opponents: those that stand beside every model.
        nucleotides: of a molecule, about.
        training: molecules of the training split, about.
        quick: representation -> its reduced budget.
        paper: options of the full budget beyond `_PAPER`.
    """

    recipe: str
    config: RnaConfig
    title: str
    source: Source
    opponents: tuple[str, ...]
    nucleotides: int
    training: int
    quick: Mapping[str, Reduced]
    paper: Values = field(default_factory=dict)


_PER_NUCLEOTIDE = ("constant", "position", "nucleotide_loop", "nucleotide_loop_position", "gru")
_PER_MOLECULE = ("constant", "kmer_svr", "gru")
_TOKENS = {"backbone": 3.0, "all-atom": 21.5}  # of a nucleotide: beads, or heavy atoms about

OPEN_VACCINE = DataSet(
    "open-vaccine",
    OpenVaccineConfig(),
    "Open Vaccine",
    sources.OPEN_VACCINE,
    _PER_NUCLEOTIDE,
    nucleotides=107,
    training=1112,
    quick={"backbone": Reduced(200, 12, 2), "all-atom": Reduced(48, 10, 1)},
)
RIBONANZA = DataSet(
    "ribonanza",
    RibonanzaConfig(),
    "Ribonanza-2k",
    sources.RIBONANZA,
    _PER_NUCLEOTIDE,
    nucleotides=206,
    training=1750,
    quick={"backbone": Reduced(120, 12, 2), "all-atom": Reduced(24, 10, 1)},
)
TC_RIBO = DataSet(
    "tc-ribo",
    TcRiboConfig(),
    "Tc-Riboswitches",
    sources.TC_RIBO,
    _PER_MOLECULE,
    nucleotides=72,
    training=248,
    quick={"backbone": Reduced(0, 8, 4), "all-atom": Reduced(40, 6, 1)},
    paper={"network": {"hidden_dim": 32}, "optimizer": {"weight_decay": 1e-4}},
)

_QUICK: Mapping[str, Any] = {
    "opponents": "tables",
    "dropout": 0.0,  # too few steps to learn by heart
    "network": {"hidden_dim": 24, "vector_channels": 4, "blocks": 2},
    "optimizer": {"averaging": 0.98},
}
_PAPER: Mapping[str, Any] = {
    "opponents": "tables",
    "batch_size": 16,
    "network": {"hidden_dim": 64, "vector_channels": 8, "blocks": 3},
    "optimizer": {"learning_rate": 1e-3},
}


def column(
    data: DataSet,
    representation: str,
    rows: Sequence[Row],
    variants: Mapping[str, Values] | None = None,
) -> Sweep:
    """The column of a data set in a representation; `variants` are those of `Sweep`."""
    shown: Values = {"data": {"representation": representation}}
    large = representation == "all-atom"
    reduced = data.quick[representation]
    # Trained opponents take as long as a model: they stand beside one row, for the whole column.
    beside: Mapping[str, Values] = {"geometric-hyena": {"opponents": "all"}}
    return Sweep(
        name=f"{data.recipe}-{representation}",
        title=f"{data.title}, {representation}",
        recipe=data.recipe,
        axis="representation",
        models=tuple(row.name for row in rows),
        options=lambda _: shown,
        inputs={"scalar_dim": scalar_features(data.config), "vector_dim": 0, "edge_dim": EDGE_FEATURES},
        cost=lambda _: data.nucleotides * _TOKENS[representation],
        check=check_rna,
        prepare=build_structures,
        quick=Budget(
            (representation,),
            seeds=1,
            epochs=reduced.epochs,
            values=merged(
                _QUICK, {"batch_size": reduced.batch_size, "data": {"molecules": reduced.molecules}}
            ),
            source=data.source,
            without={"equiformer": EQUIFORMER_MEMORY if large else EQUIFORMER_QUICK},
            tokens=0.7 * reduced.molecules or data.training,
        ),
        paper=Budget(
            (representation,),
            seeds=3,
            epochs=200,
            values=merged(_PAPER, data.paper),
            source=data.source,
            without={"equiformer": EQUIFORMER_MEMORY} if large else {},
            tokens=data.training,
        ),
        reference="constant",
        trivial=data.opponents,
        metric="rmse",
        variants={**beside, **(variants or {})},
    )


def check_rna(config: RnaConfig) -> None:
    """Check what every run would stumble over: the packages that sketches and features need, if not kept.

    Raises:
        MissingDependencyError: where one is not installed, and has kept nothing for this machine.
    """
    for package, name, kept in (
        ("RNA", "viennarna", is_kept_anywhere),
        ("biotite", "biotite", are_kept),
    ):
        if find_spec(package) is None and not kept():
            raise MissingDependencyError(name, "bio", "building RNA structures")
