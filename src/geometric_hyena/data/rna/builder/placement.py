"""Where everything starts: helices around their loops, loop nucleotides along smooth curves between them.

Loops are circles, as in a drawing of the secondary structure, but in space: every helix turns what is behind
it by its own twist. Relaxation mends what overlaps.
"""

import numpy as np

from geometric_hyena.data.rna.builder.a_form import RISE, TWIST, dyad, frame, screw
from geometric_hyena.data.rna.builder.chain import Chain
from geometric_hyena.data.rna.builder.helices import Helices, Mouth

_HELIX_WIDTH = 18.0  # of a pair from backbone to backbone, angstrom
_NUCLEOTIDE = 6.0  # along an unpaired chain, angstrom
_ENDS = 30.0  # room for both ends of the chain on the circle of the exterior loop, angstrom


def starting_coordinates(chain: Chain, helices: Helices) -> np.ndarray:
    """All atoms (A, 3) of a chain, helices in A-form, before anything is relaxed."""
    helical = chain.helical
    residue = chain.residue
    paired = np.where((helices.strand == 1)[residue, None], dyad(helical), helical)
    local = screw(paired, helices.step[residue])
    coordinates = np.zeros_like(local)
    for helix, (rotation, shift) in enumerate(_helix_poses(helices)):
        atoms = helices.helix[residue] == helix
        coordinates[atoms] = local[atoms] @ rotation.T + shift
    for start, end in _free_runs(helices.helix):
        _place_run(chain, coordinates, start, end)
    return coordinates


def _free_runs(helix: np.ndarray) -> list[tuple[int, int]]:
    """Half-open ranges of nucleotides outside all helices."""
    free = np.concatenate([[False], helix < 0, [False]])
    edges = np.flatnonzero(free[1:] != free[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


# --- helices ---


def _helix_poses(helices: Helices) -> list[tuple[np.ndarray, np.ndarray]]:
    """A rotation and a shift for every helix frame."""
    poses: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for loop, mouths in zip(helices.loops, helices.mouths, strict=True):
        elements = _elements(mouths)
        if not elements:
            continue
        strands = [end - start for start, end in loop.strands]
        if loop.closing is None:
            gaps = [*(_NUCLEOTIDE * (n + 1) for n in strands[1:-1]), _ENDS]
        else:
            gaps = [_NUCLEOTIDE * (n + 1) for n in strands]
        # What follows a mouth, without the seams inside elements.
        after = dict(zip(mouths, gaps, strict=True))
        spans = [_HELIX_WIDTH + after[element[-1]] for element in elements]
        radius = max(sum(spans) / (2 * np.pi), _HELIX_WIDTH / 2)
        angles = 2 * np.pi * np.cumsum([0.0, *spans[:-1]]) / sum(spans)
        first = elements[0]
        poses.setdefault(first[0].helix, (np.eye(3), np.zeros(3)))
        rotation, shift = poses[first[0].helix]
        point, tangent, inward = _element_frame(helices, first)
        point, tangent, inward = rotation @ point + shift, rotation @ tangent, rotation @ inward
        centre = point + radius * inward
        for element, angle in zip(elements[1:], angles[1:], strict=True):
            cosine, sine = np.cos(angle), np.sin(angle)
            here = centre + radius * (sine * tangent - cosine * inward)
            target = (inward * sine + tangent * cosine, inward * cosine - tangent * sine)
            local, *axes = _element_frame(helices, element)
            turn = frame(*target).T @ frame(*axes)
            poses[element[0].helix] = (turn, here - turn @ local)
    return [poses[helix] for helix in range(helices.count)]


def _elements(mouths: tuple[Mouth, ...]) -> list[tuple[Mouth, ...]]:
    """Mouths around a loop, those of one helix together; the first is the one that is placed already."""
    found: list[tuple[Mouth, ...]] = []
    for mouth in mouths:
        if found and found[-1][-1].helix == mouth.helix:
            found[-1] = (*found[-1], mouth)
        else:
            found.append((mouth,))
    if len(found) > 1 and found[0][0].helix == found[-1][0].helix:
        found = [found[-1] + found[0], *found[1:-1]]
    return found


def _element_frame(helices: Helices, element: tuple[Mouth, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In the helix frame: a point on the axis, the direction around the loop, and that into the loop.

    A helix that ends at the loop points into it; one that passes by has its axis along the loop.
    """
    mouth = element[0]
    step, strand = helices.step[mouth.first], helices.strand[mouth.first]
    axis = np.array([0.0, 0.0, 1.0 if strand == 1 else -1.0])
    angle = step * TWIST + (np.pi / 2 if strand == 0 else -np.pi / 2)  # strand 0 lies on the side of y
    across = -np.array([np.cos(angle), np.sin(angle), 0.0])
    point = np.array([0.0, 0.0, step * RISE])
    return (point, across, axis) if len(element) == 1 else (point, axis, -across)


# --- nucleotides between helices ---


def _place_run(chain: Chain, coordinates: np.ndarray, start: int, end: int) -> None:
    """Put nucleotides start .. end - 1 on a curve between their neighbours, or on a strand at an end."""
    before, after = start - 1, end
    if before < 0 or after >= len(chain.sequence):
        _place_tail(chain, coordinates, start, end)
        return
    first = coordinates[chain.atoms("O3'")[before]]
    last = coordinates[chain.atoms("P")[after]]
    outward = _outward(coordinates, chain, start, end, (first + last) / 2)
    knots = _arc(first, last, outward, end - start + 1)
    # Link, nucleotide, link, nucleotide, ...: the point behind the link is P, the next knot is O3'.
    centre = knots.mean(axis=0)
    for number, residue in enumerate(range(start, end)):
        here, there = knots[number], knots[number + 1]
        away = (here + there) / 2 - centre
        _place_residue(chain, coordinates, residue, here + 0.25 * (there - here), there - here, away)


def _place_residue(
    chain: Chain,
    coordinates: np.ndarray,
    residue: int,
    phosphorus: np.ndarray,
    along: np.ndarray,
    away: np.ndarray,
) -> None:
    """One nucleotide with P at a point, its backbone along a direction and its base towards another."""
    atoms = slice(chain.starts[residue], chain.starts[residue + 1])
    local = chain.helical[atoms]
    names = chain.names[atoms].tolist()
    p, o3, n = (local[names.index(name)] for name in ("P", "O3'", "N1"))
    turn = frame(along, away).T @ frame(o3 - p, n - p)
    coordinates[atoms] = (local - p) @ turn.T + phosphorus


def _place_tail(chain: Chain, coordinates: np.ndarray, start: int, end: int) -> None:
    """Continue the strand of the neighbour as one strand of a helix, stacked on it."""
    count = len(chain.sequence)
    residue = chain.residue
    atoms = (residue >= start) & (residue < end)
    helical = chain.helical
    anchor = start - 1 if start > 0 else end
    if anchor >= count:  # nothing is paired
        coordinates[atoms] = screw(helical[atoms], residue[atoms] - start)
        return
    own = residue == anchor
    backbone = own & np.char.endswith(chain.names, "'")
    turn, shift = _superposition(helical[backbone], coordinates[backbone])
    coordinates[atoms] = screw(helical[atoms], residue[atoms] - anchor) @ turn.T + shift


def _outward(coordinates: np.ndarray, chain: Chain, start: int, end: int, middle: np.ndarray) -> np.ndarray:
    """The direction away from the nucleotides on both sides of a run."""
    near = np.isin(chain.residue, [start - 2, start - 1, end, end + 1])
    direction = middle - coordinates[near].mean(axis=0)
    return direction / max(np.linalg.norm(direction), 1e-6)


def _arc(first: np.ndarray, last: np.ndarray, outward: np.ndarray, links: int) -> np.ndarray:
    """Equally spaced points (links, 3) on a half-sine over the chord, as long as the chain is."""
    chord = last - first
    span = np.linalg.norm(chord)
    sideways = outward - chord * (outward @ chord) / max(span**2, 1e-6)
    sideways /= max(np.linalg.norm(sideways), 1e-6)
    length = _NUCLEOTIDE * (links - 1) + 2.0
    t = np.linspace(0, 1, 200)[:, None]

    def curve(height: float) -> tuple[np.ndarray, np.ndarray]:
        points = first + chord * t + height * np.sin(np.pi * t) * sideways
        return points, np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])

    low, high = 0.0, length
    for _ in range(30):
        height = (low + high) / 2
        low, high = (height, high) if curve(height)[1][-1] < length else (low, height)
    points, walked = curve(low)
    where = np.linspace(0, walked[-1], links)
    return np.stack([np.interp(where, walked, points[:, axis]) for axis in range(3)], axis=1)


def _superposition(moving: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rotation and shift that superpose points (n, 3) on others (Kabsch)."""
    a, b = moving.mean(axis=0), fixed.mean(axis=0)
    u, _, vt = np.linalg.svd((moving - a).T @ (fixed - b))
    turn = (u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    return turn, b - turn @ a
