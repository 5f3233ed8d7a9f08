"""Geometric Hyena, Table 4: a sequence model before or behind EGNN, against Geometric Hyena."""

from geometric_hyena.reproduce.tables import rna, table1
from geometric_hyena.reproduce.tables.paper_table import PaperTable, Row

ROWS = (rna.EGNN, Row("Seq-EGNN", "seq-egnn"), Row("EGNN-Seq", "egnn-seq"), rna.G_HYENA)
_LABELS = {row.label for row in ROWS}
_COLUMNS = tuple(rna.column(rna.OPEN_VACCINE, shown, ROWS) for shown in rna.REPRESENTATIONS)

TABLE4 = PaperTable(
    name="table4",
    title="Table 4: Seq-EGNN and EGNN-Seq on Open Vaccine, RMSE per nucleotide",
    rows=ROWS,
    columns=_COLUMNS,
    published={
        column.name: {
            label: printed for label, printed in table1.PUBLISHED[column.name].items() if label in _LABELS
        }
        for column in _COLUMNS
    },
    source="Geometric Hyena, Table 1, for EGNN and G-Hyena",
    differences=(
        "The paper's values of Seq-EGNN and EGNN-Seq: the text that we have has lost them. Its words: "
        "EGNN-Seq is slightly better.",
        "The sequence model is one bidirectional Hyena layer over the scalars; the paper does not say how "
        "many.",
        "Runs of EGNN and G-Hyena are those of Table 1.",
        *rna.OPEN_VACCINE_DATA,
        *rna.TRAINING,
    ),
)
