"""`report.html` of a training run that predicts vectors: a displacement for every atom, or others."""

import os
from pathlib import Path

from geometric_hyena.report import run_sections
from geometric_hyena.report.atoms import Atoms
from geometric_hyena.report.blocks import Paragraph
from geometric_hyena.report.headline import headline
from geometric_hyena.report.page import Page, Section
from geometric_hyena.report.run_record import PredictedFrame, RunReport

__all__ = ["Atoms", "PredictedFrame", "RunReport", "run_page", "write_run_report"]


def write_run_report(path: str | os.PathLike[str], report: RunReport) -> Path:
    """Write the report as one HTML file that needs nothing else; returns its path."""
    return run_page(report).write(path)


def run_page(report: RunReport) -> Page:
    """The report as a page, for callers who add sections of their own."""
    sentence, verdict = headline(report.summary["test"], report.headline_note, report.unit)
    page = Page(report.title, report.subtitle, sentence, verdict)
    page.add(Section("Against trivial baselines", run_sections.comparison(report)))
    if report.atoms and report.samples:
        page.add(Section("Predicted motion", run_sections.structure(report, report.atoms)))
    if report.atoms and report.model_error is not None and report.no_motion_error is not None:
        page.add(Section("Error along the chain", [run_sections.along_the_chain(report, report.atoms)]))
    if report.samples:
        page.add(Section("Predicted against measured", run_sections.agreement(report)))
    page.add(
        Section(
            "Training",
            [run_sections.curves(report)] if report.history else [Paragraph("No history was recorded.")],
        )
    )
    return page.add(Section("Provenance", run_sections.provenance(report)))
