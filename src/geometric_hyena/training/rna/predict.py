"""Predictions of an RNA run for new structures and sequences: tables, and a report to look at."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from geometric_hyena.data.rna import SKETCH_NOTE
from geometric_hyena.data.rna.dataset import graph_of
from geometric_hyena.data.rna.prediction_inputs import RnaInput, read_inputs
from geometric_hyena.data.rna.prediction_tables import write_molecules, write_nucleotides
from geometric_hyena.data.rna.records import Level
from geometric_hyena.errors import InputError
from geometric_hyena.files import make_folder
from geometric_hyena.geometry.graph import GeometricGraph, collate
from geometric_hyena.report.blocks import Paragraph
from geometric_hyena.report.page import Page, Section
from geometric_hyena.report.rna_molecule import molecule_blocks
from geometric_hyena.training.rna.config import RnaRunConfig, targets_of
from geometric_hyena.training.rna.model import rna_predictor
from geometric_hyena.training.rna.molecule import shown_molecule
from geometric_hyena.training.task import Predictor, TaskBatch, predict_all

_SHOWN = 12  # molecules in the report; the tables have all


def predict_rna(
    config: RnaRunConfig,
    load: Callable[[Predictor], Predictor],
    files: Sequence[str],
    folder: Path,
    stride: int = 1,
) -> list[Path]:
    """Predict for structures (PDB, mmCIF, BinaryCIF) and sequences (FASTA) into `folder`.

    Returns:
        Paths of nucleotides.csv (of a run with targets per nucleotide), molecules.csv and report.html.
    """
    if stride != 1:
        raise InputError("--stride: is for trajectories; leave it out")
    targets, level = targets_of(config)
    predictor = load(rna_predictor(config, len(targets), level)[0])
    molecules = read_inputs(files, hydrogens=config.data.hydrogens)
    graphs = [graph_of(item.structure, item.dot_bracket, config.data) for item in molecules]
    packed = predict_all(predictor, _pack, graphs).numpy()  # pyright: ignore[reportArgumentType]
    sizes = [len(item.structure) if level == "nucleotide" else 1 for item in molecules]
    said = np.split(packed, np.cumsum(sizes)[:-1])
    make_folder(folder)
    written = []
    if level == "nucleotide":
        for graph, values in zip(graphs, said, strict=True):
            assert graph.residue_lengths is not None
            values[graph.residue_lengths.numpy() == 0] = np.nan
        written.append(write_nucleotides(folder / "nucleotides.csv", molecules, targets, said))
    else:
        (folder / "nucleotides.csv").unlink(missing_ok=True)  # of an earlier prediction
    names = [f"mean_{name}" for name in targets] if level == "nucleotide" else targets
    numbers = [np.nanmean(values, axis=0) for values in said]
    written.append(write_molecules(folder / "molecules.csv", molecules, names, numbers))
    page = _page(config, level, targets, molecules, said)
    return [*written, page.write(folder / "report.html")]


def _pack(graphs: Sequence[GeometricGraph]) -> TaskBatch:
    inputs = collate(graphs)
    return TaskBatch(inputs, inputs.positions.new_empty(0))


def _page(
    config: RnaRunConfig,
    level: Level,
    targets: Sequence[str],
    molecules: Sequence[RnaInput],
    said: Sequence[np.ndarray],
) -> Page:
    """A section a molecule, each with the 3D view beside the profile."""
    sketches = sum(item.structure.sketch for item in molecules)
    page = Page(
        f"Predictions of {config.model} for {len(molecules)} RNA{'s' * (len(molecules) > 1)}",
        f"{', '.join(targets)} per {level}",
        f"{sketches} of {len(molecules)} structures: {SKETCH_NOTE}." if sketches else "",
    )
    for item, values in list(zip(molecules, said, strict=True))[:_SHOWN]:
        shown = shown_molecule(item.structure, item.dot_bracket)
        profiles = {name: values[:, i] for i, name in enumerate(targets)} if level == "nucleotide" else {}
        numbers = {} if profiles else {name: float(values[0, i]) for i, name in enumerate(targets)}
        where = f"{item.file}, {len(shown.sequence)} nucleotides; {item.notes[-1]}."
        blocks = [Paragraph(where), *molecule_blocks(shown, profiles, numbers=numbers)]
        page.add(Section(shown.name, blocks))
    if len(molecules) > _SHOWN:
        rest = len(molecules) - _SHOWN
        page.add(Section("More", [Paragraph(f"{rest} more molecules are in the tables beside this page.")]))
    return page
