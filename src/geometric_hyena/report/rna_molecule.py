"""One RNA in a report: the 3D view coloured by a profile, beside the profile and the secondary structure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from geometric_hyena.report.atoms import Atoms
from geometric_hyena.report.blocks import Block, Collapsed, Columns, Figure, KeyValues, Paragraph
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.profile_plot import nucleotide_profile
from geometric_hyena.report.structure_view import StructureView, ViewFrame


@dataclass(frozen=True)
class Molecule:
    """An RNA of N nucleotides, A of its atoms shown.

    Attributes:
        name: of the molecule.
        sequence: N letters.
        brackets: N characters of dot-bracket.
        loops: N letters of loop types.
        partners: (N,) partners in base pairs, -1 where unpaired.
        chain_starts: places where further chains begin.
        atoms: identity of the atoms.
        positions: (A, 3), angstrom.
        nucleotide: (A,) the nucleotide of every atom.
        remarks: what a reader should know of the structure, a line each.
    """

    name: str
    sequence: str
    brackets: str
    loops: str
    partners: np.ndarray
    chain_starts: np.ndarray
    atoms: Atoms
    positions: np.ndarray
    nucleotide: np.ndarray
    remarks: tuple[str, ...] = ()


def molecule_blocks(
    molecule: Molecule,
    predicted: Mapping[str, np.ndarray],
    measured: Mapping[str, np.ndarray] | None = None,
    numbers: Mapping[str, float] | None = None,
) -> list[Block]:
    """The view, the profiles (N,) by target beside it, and what there is in words.

    Args:
        molecule: the RNA.
        predicted: target -> (N,); empty where targets belong to whole molecules.
        measured: the same for measurements.
        numbers: target -> prediction for the whole molecule.
    """
    blocks: list[Block] = [Paragraph(remark, muted=True) for remark in molecule.remarks]
    told = {name: format_number(value) for name, value in (numbers or {}).items()}
    if told:
        blocks.append(KeyValues(told))
    figure = Figure(
        nucleotide_profile(molecule.sequence, molecule.partners, predicted, measured, molecule.chain_starts),
        alt=f"{_listed(predicted)} along {molecule.name}, and its base pairs as arcs",
        caption="Arcs join the nucleotides of a base pair.",
    )
    blocks.append(Columns([_view(molecule, predicted, measured or {}), figure]))
    letters = {
        "sequence": molecule.sequence,
        "base pairs": molecule.brackets,
        "loop types": molecule.loops,
    }
    blocks.append(Collapsed("Sequence and secondary structure", [KeyValues(letters)]))
    return blocks


def _view(
    molecule: Molecule, predicted: Mapping[str, np.ndarray], measured: Mapping[str, np.ndarray]
) -> StructureView:
    profiles = {}
    for name, values in predicted.items():
        profiles[f"{name}, predicted" if measured else name] = values
        if name in measured:
            profiles[f"{name}, measured"] = measured[name]
    frames = [
        ViewFrame(label, molecule.positions, scalar=values[molecule.nucleotide])
        for label, values in profiles.items()
    ]
    coloured = f"{molecule.name}, coloured by {_listed(predicted)}" if predicted else molecule.name
    steps = "; the slider goes from one to the next" if len(frames) > 1 else ""
    return StructureView(
        frames or [ViewFrame(molecule.name, molecule.positions)],
        [chain.tolist() for chain in molecule.atoms.traces(molecule.positions)],
        molecule.atoms.labels(),
        caption=f"{coloured}{steps}.",
        scalar_label="value" if len(predicted) > 1 else _listed(predicted),
        unit="",
    )


def _listed(predicted: Mapping[str, np.ndarray]) -> str:
    return ", ".join(predicted) or "base pairs"
