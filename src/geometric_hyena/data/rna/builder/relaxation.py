"""All atoms relaxed together: ideal bonds and angles, flat bases, stems as they were, nothing overlaps."""

import numpy as np
from scipy.optimize import minimize
from scipy.spatial import KDTree

from geometric_hyena.data.rna.builder.chain import Chain
from geometric_hyena.data.rna.builder.springs import Springs

_STEPS = 30  # of L-BFGS in a round
# Closest approach of atoms more than three bonds apart, angstrom; hydrogen bonds between heavy atoms are 2.8.
_HEAVY, _WITH_HYDROGEN = 2.8, 1.7
_REPULSION = (
    0.02,
    0.1,
    0.5,
    0.5,
)  # beside one for a bond, round by round: gently first, not to turn atoms over
_STEM = 0.05
_PAIRS = {"AU", "UA", "GC", "CG", "GU", "UG"}


def relax_atoms(
    chain: Chain, coordinates: np.ndarray, pairs: np.ndarray, helix: np.ndarray, step: np.ndarray
) -> np.ndarray:
    """Minimise distance restraints and repulsion by L-BFGS, in rounds with fresh neighbours.

    Args:
        chain: the atoms.
        coordinates: (A, 3) start, angstrom.
        pairs: (N,) partners, -1 where unpaired.
        helix: (N,) number of the helix, -1 outside.
        step: (N,) place along it.

    Returns:
        Coordinates (A, 3).
    """
    stem = _stem_pairs(chain, pairs, helix, step)
    kept = np.concatenate([chain.pairs, stem])
    lengths = np.concatenate([chain.lengths, _distances(coordinates, stem)])
    weights = np.concatenate([chain.weights, np.full(len(stem), _STEM)])
    count = len(coordinates)
    near = chain.keys(chain.near)
    hydrogen = chain.elements == "H"
    for repulsion in _REPULSION:
        close = KDTree(coordinates).query_pairs(_HEAVY + 0.6, output_type="ndarray")
        close = close[~np.isin(chain.keys(close), near)]
        reach = np.where(hydrogen[close].any(axis=1), _WITH_HYDROGEN, _HEAVY)
        springs = Springs(np.concatenate([kept, close]), len(kept), count)
        all_lengths = np.concatenate([lengths, reach])
        all_weights = np.concatenate([weights, np.full(len(close), repulsion)])

        def energy(values: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = springs(values.reshape(-1, 3), all_lengths, all_weights)  # noqa: B023
            return value, gradient.ravel()

        coordinates = minimize(
            energy, coordinates.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "maxcor": 6}
        ).x.reshape(-1, 3)
    return coordinates


def _stem_pairs(chain: Chain, pairs: np.ndarray, helix: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Atom pairs that hold a stem together: of residues in canonical pairs at most one step apart."""
    letters = chain.sequence
    good = np.array([j >= 0 and letters[i] + letters[j] in _PAIRS for i, j in enumerate(pairs)], dtype=bool)
    residues = np.flatnonzero(good)
    a, b = np.triu_indices(len(residues), 1)
    a, b = residues[a], residues[b]
    chosen = (helix[a] == helix[b]) & (np.abs(step[a] - step[b]) <= 1)
    a, b = a[chosen], b[chosen]
    marks = np.stack([chain.atoms("P"), chain.atoms("C1'"), chain.base_tips()])
    return np.concatenate([np.stack([x[a], y[b]], axis=1) for x in marks for y in marks])


def _distances(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
