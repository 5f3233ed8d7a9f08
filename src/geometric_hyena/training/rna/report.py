"""The report of an RNA run: the opponents without geometry first, then targets, test molecules, training."""

from typing import TYPE_CHECKING

import numpy as np

from geometric_hyena.data.rna import SKETCH_NOTE
from geometric_hyena.evaluation.metrics import regression_metrics
from geometric_hyena.evaluation.rna_baselines import stacked_targets
from geometric_hyena.report import plots, run_sections
from geometric_hyena.report.blocks import Block, Collapsed, Figure, KeyValues, Paragraph, Table
from geometric_hyena.report.headline import headline
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.page import Page, Section
from geometric_hyena.report.rna_molecule import molecule_blocks
from geometric_hyena.training.rna.molecule import shown_molecule
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.run_reports import report_of

if TYPE_CHECKING:
    from geometric_hyena.training.rna.task import RnaEvaluation

_SPLITS = {
    "random": "on a random split, where molecules like them may have been trained on",
    "cluster": "on molecules of other sequence clusters than those trained on",
    "own": "on the split of the data set",
}


def write_rna_report(run: RunDirectory, evaluation: "RnaEvaluation") -> None:
    """Write the run's report.html."""
    data = evaluation.task.data
    built = data.identity["structures"] == SKETCH_NOTE
    apart = data.identity.get("test_file")
    report = report_of(
        run,
        evaluation,
        data.identity["representation"],
        data={name: value for name, value in data.identity.items() if name not in ("notes", "left_out")},
        subtitle=(
            f"{', '.join(data.target_names)} per {data.level}"
            + (f"; every structure is {SKETCH_NOTE}" if built else "")
        ),
        headline_note=f"on {apart['name']}" if apart else _SPLITS[data.identity["split"]["kind"]],
        metric_note=(
            "RMSE over all measured values; MCRMSE the mean of the targets' RMSEs; R2 and Spearman means "
            "over targets. Opponents see sequence and secondary structure, no geometry."
        ),
        unit="",
        loss_is_mse=False,
        metric="rmse",
    )
    sentence, verdict = headline(
        evaluation.metrics["test"],
        report.headline_note,
        "",
        "rmse",
        evaluation.reference,
        "an opponent without geometry",
    )
    page = Page(report.title, report.subtitle, sentence, verdict)
    compared = run_sections.comparison(report)
    if evaluation.left_out():
        missing = " and ".join(evaluation.left_out())
        compared.insert(
            0, Paragraph(f"Not trained here: {missing}, the strongest opponents. --opponents all")
        )
    page.add(Section("Against opponents without geometry", compared))
    page.add(Section("By target", _by_target(evaluation)))
    shown = _test_molecules(evaluation)
    if shown:
        page.add(Section("Test molecules", shown))
    page.add(Section("Training", [run_sections.curves(report)]))
    page.add(Section("Provenance", [*run_sections.provenance(report), *_remarks(data.identity)]))
    page.write(run.report)


def _by_target(evaluation: "RnaEvaluation") -> list[Block]:
    """RMSE of every target, and all values predicted against measured."""
    data = evaluation.task.data
    measured = stacked_targets([sample.record for sample in data.test])
    rows = []
    for who, said in evaluation.predicted.items():
        errors = [
            regression_metrics(said[:, [column]], measured[:, [column]])["rmse"]
            if np.isfinite(measured[:, column]).any()
            else np.nan
            for column in range(len(data.target_names))
        ]
        rows.append([who.replace("_", " "), *map(format_number, errors)])
    figure = Figure(
        plots.predicted_against_measured(evaluation.predicted["model"], measured, "", "value"),
        alt="Predicted against measured values of all targets, with the line of equality",
        caption="All measured values of all targets in the test molecules.",
    )
    return [Table(["test RMSE", *data.target_names], rows, highlight=0), figure]


def _test_molecules(evaluation: "RnaEvaluation") -> list[Block]:
    """The first test molecules with their profiles, where targets belong to nucleotides."""
    data = evaluation.task.data
    blocks: list[Block] = []
    if data.level != "nucleotide":
        return blocks
    said, start = evaluation.predicted["model"], 0
    for sample, structure in zip(data.test, data.examples, strict=False):
        rows = said[start : start + len(sample.record)]
        start += len(sample.record)
        molecule = shown_molecule(structure, sample.record.structure)
        predicted = {name: rows[:, i] for i, name in enumerate(data.target_names)}
        measured = {name: sample.record.targets[:, i] for i, name in enumerate(data.target_names)}
        blocks += [Paragraph(molecule.name), *molecule_blocks(molecule, predicted, measured)]
    return blocks


def _remarks(identity: dict) -> list[Block]:
    """What was changed and what was left out when the data were read."""
    titles = {"notes": "Notes on the data", "left_out": "Left out"}
    return [
        Collapsed(
            f"{title} ({len(identity[key])})",
            [KeyValues({str(i + 1): t for i, t in enumerate(identity[key])})],
        )
        for key, title in titles.items()
        if identity[key]
    ]
