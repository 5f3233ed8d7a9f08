"""A-form RNA: one nucleotide of a helix, from which the helix follows by a screw and a dyad.

Coordinates are in the helix frame: the axis is z, residue 0 of strand 0 pairs with residue 0 of strand 2
across the dyad x, and residue k is residue 0 turned by k * 32.7 degrees and raised by k * 2.81 angstrom.
Torsions and base-pair parameters are those of Arnott's fibre model; the ideal residues' flat ribose is bent
to C3'-endo and the backbone closed by least squares, so that every bond has its ideal length.
"""

from functools import cache

import numpy as np
from scipy.optimize import least_squares

from geometric_hyena.data.rna.builder.ideal_residues import ideal_residue
from geometric_hyena.data.rna.torsions import dihedral

TWIST = np.radians(32.7)
RISE = 2.81  # angstrom
_X_DISPLACEMENT = -4.5  # of a base pair from the axis, angstrom
_INCLINATION = np.radians(15.8)
# C1' and the base's glycosidic nitrogen in the standard base-pair frame (Olson et al. 2001), angstrom.
_C1, _N = np.array([-2.48, 5.37, 0.0]), np.array([-1.29, 4.52, 0.0])

# The link between residues: (atom of residue i, atom of residue i + 1, angstrom).
LINK = (
    ("O3'", "P", 1.607),
    ("C3'", "P", 2.62),
    ("O3'", "O5'", 2.50),
    ("O3'", "OP1", 2.52),
    ("O3'", "OP2", 2.52),
)
# Weights of bonds, of atoms two bonds apart and of the links, per angstrom, beside one per radian.
_BOND_WEIGHT, _ANGLE_WEIGHT, _LINK_WEIGHT = 20.0, 6.0, 20.0
# Degrees; names with + belong to the residue after, with - to the one before.
_TORSIONS = (
    ("-O3'", "P", "O5'", "C5'", -68.0),
    ("P", "O5'", "C5'", "C4'", 178.0),
    ("O5'", "C5'", "C4'", "C3'", 54.0),
    ("C5'", "C4'", "C3'", "O3'", 82.0),
    ("C4'", "C3'", "O3'", "+P", -153.0),
    ("C3'", "O3'", "+P", "+O5'", -71.0),
    ("C1'", "C2'", "C3'", "C4'", 36.0),
    ("O4'", "C1'", "C2'", "C3'", -24.0),
    ("C2'", "C3'", "C4'", "O4'", -36.0),
)


def screw(coordinates: np.ndarray, steps: np.ndarray | int) -> np.ndarray:
    """Move points (..., 3) along the helix by a number of base pairs, broadcast over the leading axes."""
    angle = np.asarray(steps) * TWIST
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y, z = np.moveaxis(coordinates, -1, 0)
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z + np.asarray(steps) * RISE], axis=-1)


def dyad(coordinates: np.ndarray) -> np.ndarray:
    """Half a turn about x: strand 0 of pair 0 to its strand 1."""
    return coordinates * np.array([1.0, -1.0, -1.0])


@cache
def a_form_residue(letter: str) -> np.ndarray:
    """Residue 0 of strand 0, (n, 3) in the helix frame, atoms as in `ideal_residue(letter)`."""
    if letter == "A":
        return _solve_adenosine()
    template, solved = ideal_residue("A"), a_form_residue("A")
    residue = ideal_residue(letter)
    coordinates = _base_in_helix(letter)
    for name in residue.names:
        if "'" in name or "P" in name:
            coordinates[residue.place(name)] = solved[template.place(name)]
    return coordinates


def _base_in_helix(letter: str) -> np.ndarray:
    """The ideal residue with its base in the place that base pairs have in the helix."""
    residue = ideal_residue(letter)
    nitrogen, carbon = residue.glycosidic
    points = residue.coordinates
    c1, n, c = (points[residue.place(name)] for name in ("C1'", nitrogen, carbon))
    # The base's plane is that of the pair; the carbon lies on the side of the minor groove, at lower y.
    ideal, paired = frame(n - c1, c - n), frame(_N - _C1, np.array([0.0, -1.0, 0.0]))
    placed = (points - n) @ ideal.T @ paired + _N
    cosine, sine = np.cos(_INCLINATION), np.sin(_INCLINATION)
    inclined = placed @ np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    return inclined + np.array([_X_DISPLACEMENT, 0.0, 0.0])


def frame(along: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Orthonormal rows: along the first direction, towards the second, and normal to both, right-handed."""
    u = along / np.linalg.norm(along)
    v = towards - u * (u @ towards)
    if np.linalg.norm(v) < 1e-3:
        v = np.cross(u, np.eye(3)[np.argmin(np.abs(u))])
    v /= np.linalg.norm(v)
    return np.stack([u, v, np.cross(u, v)])


def _solve_adenosine() -> np.ndarray:
    """Adenosine's sugar and phosphate, fitted to bonds, angles, torsions and the links by least squares."""
    residue = ideal_residue("A")
    ideal = residue.coordinates
    start = _base_in_helix("A")
    free = np.array([i for i, name in enumerate(residue.names) if "'" in name or "P" in name])
    pairs, weights = _distances(residue.bonds, len(ideal), free)
    lengths = _lengths(ideal, pairs)
    # The residue, the one after and the one before, as one array of points.
    blocks = {"+": len(ideal), "-": 2 * len(ideal)}

    def place(name: str) -> int:
        return blocks.get(name[0], 0) + residue.place(name.lstrip("+-"))

    links = np.array([(place(a), place("+" + b)) for a, b, _ in LINK])
    link_lengths = np.array([length for *_, length in LINK])
    torsions = np.array([[place(name) for name in names] for *names, _ in _TORSIONS])
    angles = np.radians([degrees for *_, degrees in _TORSIONS])

    def residuals(values: np.ndarray) -> np.ndarray:
        points = start.copy()
        points[free] = values.reshape(-1, 3)
        all_points = np.concatenate([points, screw(points, 1), screw(points, -1)])
        turns = dihedral(*np.moveaxis(all_points[torsions], 1, 0)) - angles
        return np.concatenate(
            [
                weights * (_lengths(all_points, pairs) - lengths),
                _LINK_WEIGHT * (_lengths(all_points, links) - link_lengths),
                np.sin(turns),
                1 - np.cos(turns),
            ]
        )

    solved = least_squares(residuals, start[free].ravel(), x_scale=0.1).x
    start[free] = solved.reshape(-1, 3)
    return start


def _distances(bonds: np.ndarray, count: int, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs one and two bonds apart that involve a free atom, and their weights."""
    bonded = np.zeros((count, count), dtype=bool)
    bonded[bonds[:, 0], bonds[:, 1]] = True
    bonded |= bonded.T
    second = (bonded.astype(int) @ bonded.astype(int) > 0) & ~bonded
    moving = np.isin(np.arange(count), free)
    pairs = np.argwhere(np.triu(bonded | second, 1) & (moving[:, None] | moving))
    return pairs, np.where(bonded[pairs[:, 0], pairs[:, 1]], _BOND_WEIGHT, _ANGLE_WEIGHT)


def _lengths(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
