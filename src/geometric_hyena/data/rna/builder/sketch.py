"""From a sequence and its secondary structure to an all-atom sketch.

A sketch is physically sensible (A-form stems, bonds and angles as they should be, nothing on top of anything)
and no prediction: nothing in it knows tertiary contacts or which of many shapes a loop takes.
"""

import numpy as np
from scipy.spatial import KDTree

from geometric_hyena.data.rna.builder.chain import Chain
from geometric_hyena.data.rna.builder.helices import Helices, assign_helices, possible_pairs
from geometric_hyena.data.rna.builder.placement import starting_coordinates
from geometric_hyena.data.rna.builder.relaxation import relax_atoms
from geometric_hyena.data.rna.builder.rigid_bodies import relax_bodies
from geometric_hyena.data.rna.secondary_structure import nested_partners
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.errors import InputError

SKETCH_NOTE = "a sketch built from secondary structure, not a prediction of the fold"
VERSION = 1  # part of the cache's key: raise it where sketches change

_ATTEMPTS = 4
_JITTER = 3.0  # angstrom, of loop nucleotides where an attempt failed
# Angstrom: what an attempt has to reach, and what the best of them may not exceed.
_GOOD_LINK, _GOOD_CONTACT = (1.45, 1.80), 2.2
_LINK, _CONTACT = (1.2, 2.2), 1.2
# The hands of the sugar: neighbours of a carbon, and the sign of the volume that they span with it.
_HANDS = (
    ("C1'", "O4'", "C2'", None, 1),
    ("C2'", "C1'", "C3'", "O2'", -1),
    ("C3'", "C2'", "C4'", "O3'", -1),
    ("C4'", "C3'", "O4'", "C5'", 1),
)


def build_sketch(
    sequence: str, structure: str, *, hydrogens: bool = False, name: str = "sketch"
) -> RnaStructure:
    """Build all atoms of an RNA from its secondary structure; the same input gives the same atoms.

    Args:
        sequence: letters `ACGU`.
        structure: dot-bracket of the same length; pseudoknots and pairs closer than four nucleotides are
            left open, which the notes say.
        hydrogens: build them, too.
        name: of the structure.

    Raises:
        InputError: where sequence and structure do not fit, or no attempt gives an unbroken chain.
        MissingDependencyError: where biotite is not installed.
    """
    if not sequence or set(sequence) - set("ACGU"):
        raise InputError(f"{name}: expected a sequence of A, C, G and U")
    if len(structure) != len(sequence):
        raise InputError(
            f"{name}: the sequence has {len(sequence)} nucleotides, the structure {len(structure)}"
        )
    return sketch_of(sequence, structure, sketch_coordinates(sequence, structure, hydrogens), hydrogens, name)


def sketch_of(
    sequence: str, structure: str, coordinates: np.ndarray, hydrogens: bool, name: str
) -> RnaStructure:
    """The structure that belongs to coordinates (A, 3) of `sketch_coordinates`."""
    chain = Chain(sequence, hydrogens)
    pairs = nested_partners(structure)
    notes = [SKETCH_NOTE]
    opened = (len(structure) - structure.count(".") - int((possible_pairs(pairs) >= 0).sum())) // 2
    if opened:
        notes.append(f"{opened} pairs left open (pseudoknots, or hairpins under three nucleotides)")
    return RnaStructure(
        name=name,
        sequence=sequence,
        coordinates=coordinates.astype(np.float32),
        names=chain.names,
        elements=chain.elements,
        residue=chain.residue,
        chains=np.full(len(sequence), "A"),
        numbers=np.arange(1, len(sequence) + 1),
        notes=tuple(notes),
        sketch=True,
    )


def sketch_coordinates(sequence: str, structure: str, hydrogens: bool = False) -> np.ndarray:
    """Coordinates (A, 3) in angstrom of the best of a few attempts."""
    pairs = possible_pairs(nested_partners(structure))
    helices = assign_helices(pairs)
    chain = Chain(sequence, hydrogens)
    bodies = _bodies(helices)
    start = starting_coordinates(chain, helices)
    generator = np.random.default_rng(0)
    best, least = start, np.inf
    for attempt in range(_ATTEMPTS):
        moved = start
        if attempt:
            shifts = generator.normal(scale=_JITTER, size=(len(sequence), 3))
            moved = start + (shifts * (helices.helix < 0)[:, None])[chain.residue]
        moved = relax_atoms(chain, relax_bodies(chain, moved, bodies), pairs, helices.helix, helices.step)
        faults = _faults(chain, moved)
        if faults < least:
            best, least = moved, faults
        if least == 0:
            break
    link, contact = link_lengths(chain, best), closest_contact(chain, best)
    if len(link) and not (_LINK[0] <= link.min() and link.max() <= _LINK[1] and contact >= _CONTACT):
        raise InputError(
            f"no sketch without a broken chain was found for {structure} (links {link.min():.2f} to "
            f"{link.max():.2f} angstrom, closest atoms {contact:.2f}); give a structure of your own"
        )
    return best - best.mean(axis=0)


def link_lengths(chain: Chain, coordinates: np.ndarray) -> np.ndarray:
    """Lengths of the bonds O3'-P between nucleotides, (N - 1,), angstrom."""
    before, after = chain.atoms("O3'")[:-1], chain.atoms("P")[1:]
    return np.linalg.norm(coordinates[before] - coordinates[after], axis=1)


def closest_contact(chain: Chain, coordinates: np.ndarray) -> float:
    """The smallest distance of heavy atoms more than three bonds apart, angstrom; at most 3."""
    heavy = np.flatnonzero(chain.elements != "H")
    close = heavy[KDTree(coordinates[heavy]).query_pairs(3.0, output_type="ndarray")]
    apart = ~np.isin(chain.keys(close), chain.keys(chain.near))
    offset = coordinates[close[apart, 0]] - coordinates[close[apart, 1]]
    return float(np.linalg.norm(offset, axis=1).min(initial=3.0))


def wrong_hands(chain: Chain, coordinates: np.ndarray) -> int:
    """How many carbons of the sugars have the wrong hand."""
    wrong = 0
    for centre, a, b, c, sign in _HANDS:
        third = chain.glycosidic() if c is None else chain.atoms(c)
        origin = coordinates[chain.atoms(centre)]
        u, v, w = (coordinates[atoms] - origin for atoms in (chain.atoms(a), chain.atoms(b), third))
        wrong += int((np.sign((u * np.cross(v, w)).sum(axis=1)) != sign).sum())
    return wrong


def _bodies(helices: Helices) -> np.ndarray:
    """Every helix a body, every nucleotide outside another, (N,) numbered without gaps."""
    free = helices.helix < 0
    return np.where(free, helices.count + np.cumsum(free) - 1, helices.helix)


def _faults(chain: Chain, coordinates: np.ndarray) -> int:
    """Broken links, atoms on top of one another and wrong hands, counted."""
    link = link_lengths(chain, coordinates)
    broken = int(((link < _GOOD_LINK[0]) | (link > _GOOD_LINK[1])).sum())
    overlap = closest_contact(chain, coordinates) < _GOOD_CONTACT
    return 100 * broken + 10 * int(overlap) + wrong_hands(chain, coordinates)
