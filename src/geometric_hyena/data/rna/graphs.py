"""RNA as a geometric graph: tokens with invariant features, spatial neighbours and base pairs."""

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.data.rna.loop_types import LOOP_TYPES, loop_types
from geometric_hyena.data.rna.representations import Tokens, pseudotorsions, tokens
from geometric_hyena.data.rna.secondary_structure import nested_partners
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricGraph
from geometric_hyena.geometry.neighbors import nearest_neighbors

NUCLEOTIDES = "ACGU"
_ELEMENTS = ("H", "C", "N", "O", "P", "other")
_WAVELENGTHS = (4.0, 16.0, 64.0, 256.0)  # nucleotides

_NAMES = (
    *(f"element_{name}" for name in _ELEMENTS),
    *(f"nucleotide_{name}" for name in (*NUCLEOTIDES, "other")),
    *(f"loop_{name}" for name in LOOP_TYPES),
    *(f"partner_{name}" for name in (*NUCLEOTIDES, "other")),
    *(f"{wave}_position_{length:.0f}" for length in _WAVELENGTHS for wave in ("sin", "cos")),
    "from_5_end",
    *(f"{wave}_{angle}" for angle in ("eta", "theta") for wave in ("sin", "cos")),
    "has_eta",
    "has_theta",
)
_PAIRING = tuple(f"pairs_with_{name}" for name in NUCLEOTIDES)
# What a token is told of nucleotides near its own along the chain, too.
_SEQUENCE = tuple(name for name in _NAMES if name.startswith(("nucleotide_", "loop_", "partner_")))
RNA_FEATURES = len(_NAMES)  # S of `rna_graph` without pair probabilities and context
# Nucleotides from a token's to its neighbour's, towards the 3' end, that an edge tells apart.
_STEPS = (-2, -1, 0, 1, 2)
# E of `rna_graph`: whether the tokens are the ends of a base pair, which of the steps leads to the neighbour
EDGE_FEATURES = 1 + len(_STEPS)


def feature_names(pairing: bool = False, context: int = 0) -> list[str]:
    """Names of the scalar features of `rna_graph` in their order.

    Args:
        pairing: with those of pair probabilities.
        context: nucleotides on either side whose features are given, too; `loop_S_at_-2` is that of the
            second before.
    """
    own = _PAIRING if pairing else ()
    near = [f"{name}_at_{step:+d}" for step in _context_steps(context) for name in (*_SEQUENCE, *own)]
    return [*_NAMES, *own, *near]


def rna_graph(
    structure: RnaStructure,
    dot_bracket: str,
    representation: str,
    *,
    hydrogens: bool = False,
    neighbors: int = 16,
    radius: float = 10.0,
    pair_probabilities: np.ndarray | None = None,
    context: int = 0,
) -> tuple[GeometricGraph, Tensor]:
    """The graph of a structure, and the nucleotide of every token.

    Args:
        structure: atoms of N nucleotides.
        dot_bracket: its N characters.
        representation: `backbone` or `all-atom`.
        hydrogens: give hydrogens tokens, in `all-atom`.
        neighbors: number of nearest neighbours; the partner in a base pair comes on top of them.
        radius: their largest distance, angstrom.
        pair_probabilities: (N, N), for four features more: the chance to pair with an A, a C, a G, a U.
        context: nucleotides on either side, of the same strand, whose letter, loop type, partner's letter and
            pair probabilities a token is told, too.

    Returns:
        Graph with scalars (T, S), S the number of `feature_names`, edge features (T, K, EDGE_FEATURES),
        residues the nucleotides; nucleotides (T,) int64.

    Raises:
        InputError: where brackets and structure differ in length, or no token is left.
    """
    if len(dot_bracket) != len(structure):
        raise InputError(
            f"{structure.name}: {len(structure)} nucleotides, but {len(dot_bracket)} characters of structure"
        )
    chosen = tokens(structure, representation, hydrogens=hydrogens)
    if not len(chosen.atoms):
        raise InputError(
            f"{structure.name}: none of the atoms of a '{representation}' representation is there"
        )
    partner = nested_partners(dot_bracket)
    positions = torch.from_numpy(structure.coordinates[chosen.atoms])
    table = _with_pairs(nearest_neighbors(positions, neighbors, radius).numpy(), chosen, partner)
    graph = GeometricGraph(
        scalars=torch.from_numpy(
            _scalars(structure, dot_bracket, partner, chosen, pair_probabilities, context)
        ),
        positions=positions,
        neighbors=torch.from_numpy(table),
        edge_features=torch.from_numpy(_edges(table, chosen, partner, structure)),
        residue_lengths=torch.from_numpy(np.bincount(chosen.nucleotide, minlength=len(structure))),
    )
    return graph, torch.from_numpy(chosen.nucleotide.astype(np.int64))


def _scalars(
    structure: RnaStructure,
    dot_bracket: str,
    partner: np.ndarray,
    chosen: Tokens,
    probabilities: np.ndarray | None,
    context: int,
) -> np.ndarray:
    letters = np.array([NUCLEOTIDES.find(letter) for letter in structure.sequence])  # -1: the last column
    nucleotide = np.eye(5, dtype=np.float32)[letters]
    paired = np.where((partner >= 0)[:, None], nucleotide[partner], 0.0)
    loop = np.eye(len(LOOP_TYPES))[[LOOP_TYPES.index(letter) for letter in loop_types(dot_bracket)]]
    place = np.arange(len(structure))
    angle = 2 * np.pi * place[:, None] / np.array(_WAVELENGTHS)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(structure), -1)
    end = (place / max(len(structure) - 1, 1))[:, None]
    torsion = pseudotorsions(structure)
    known = np.isfinite(torsion)
    torsion = np.where(known, torsion, 0.0)
    turns = np.stack([np.sin(torsion), np.cos(torsion)], axis=2) * known[:, :, None]
    told, likely = [nucleotide, loop, paired], []
    if probabilities is not None:
        likely = [probabilities @ nucleotide[:, : len(NUCLEOTIDES)]]
    parts = [*told, waves, end, turns.reshape(len(structure), 4), known, *likely]
    if context:
        near = np.concatenate([*told, *likely], axis=1)
        parts.append(_along_strands(near, _strands(structure), context))
    per_nucleotide = np.concatenate(parts, axis=1)
    elements = structure.elements[chosen.atoms]
    element = np.eye(len(_ELEMENTS))[[_ELEMENTS.index(e) if e in _ELEMENTS else -1 for e in elements]]
    return np.concatenate([element, per_nucleotide[chosen.nucleotide]], axis=1).astype(np.float32)


def _context_steps(context: int) -> list[int]:
    return [step for step in range(-context, context + 1) if step]


def _along_strands(features: np.ndarray, strand: np.ndarray, context: int) -> np.ndarray:
    """Features (N, F) of the nucleotides near each, step by step, (N, 2 context F); zeros beyond the ends."""
    place = np.arange(len(features))
    near = []
    for step in _context_steps(context):
        other = (place + step).clip(0, len(features) - 1)
        same = (other == place + step) & (strand[other] == strand)
        near.append(features[other] * same[:, None])
    return np.concatenate(near, axis=1)


def _strands(structure: RnaStructure) -> np.ndarray:
    """Which strand each nucleotide is of, (N,): one ends with its chain, or at a gap."""
    return np.concatenate([[0], np.cumsum(structure.chain_ends())[:-1]])


def _with_pairs(table: np.ndarray, chosen: Tokens, partner: np.ndarray) -> np.ndarray:
    """The neighbour table (T, K), and the other end of a token's base pair where it is not there yet."""
    extra = np.full((len(table), 1), -1, dtype=np.int64)
    ends = np.flatnonzero((partner >= 0) & (chosen.pairing >= 0))
    ends = ends[chosen.pairing[partner[ends]] >= 0]
    extra[chosen.pairing[ends], 0] = chosen.pairing[partner[ends]]
    extra[(table == extra).any(axis=1)] = -1
    wide = np.concatenate([table, extra], axis=1)
    # Rows ascend, padding last.
    wide = np.sort(np.where(wide < 0, len(table), wide), axis=1)
    wide = np.where(wide == len(table), -1, wide)
    return wide[:, : max(int((wide >= 0).sum(axis=1).max()), 0)]


def _edges(table: np.ndarray, chosen: Tokens, partner: np.ndarray, structure: RnaStructure) -> np.ndarray:
    own = chosen.nucleotide[:, None]
    other = chosen.nucleotide[table]
    ends = np.zeros(len(table), dtype=bool)
    ends[chosen.pairing[chosen.pairing >= 0]] = True
    paired = ends[:, None] & ends[table] & (partner[own] == other)
    strand = _strands(structure)  # a step from one to another is none
    along = strand[own] == strand[other]
    steps = [along & (other - own == step) for step in _STEPS]
    return (np.stack([paired, *steps], axis=2) & (table >= 0)[:, :, None]).astype(np.float32)
