"""Helices and single nucleotides as rigid bodies: chains close, and what overlaps moves apart."""

import math

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from geometric_hyena.data.rna.builder.a_form import LINK
from geometric_hyena.data.rna.builder.chain import Chain
from geometric_hyena.data.rna.builder.springs import Springs

_STEPS = 200
_NEIGHBORS_EVERY = 10
_FIRST_STEP, _LAST_STEP = 0.8, 0.02  # angstrom
# Beads at P, C4' and three places of the base, angstrom; stacked bases are 3.4 apart.
_RADII = (3.0, 3.0, 2.0, 1.8, 1.8)
_REPULSION = 0.5  # beside one per square angstrom of the links


def relax_bodies(chain: Chain, coordinates: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """Move rigid bodies until links close and beads no longer overlap, as well as 200 steps do.

    Args:
        chain: the atoms.
        coordinates: (A, 3) start, angstrom.
        bodies: (N,) number of every nucleotide's body, from 0 without gaps.

    Returns:
        Coordinates (A, 3).
    """
    count = int(bodies.max()) + 1
    if count == 1:
        return coordinates
    of_atom = bodies[chain.residue]
    size = np.bincount(of_atom, minlength=count)
    centre = _sum_by(of_atom, count) @ coordinates / size[:, None]
    local = coordinates - centre[of_atom]
    squares = np.einsum("ij,ij->i", local, local)
    spread = np.sqrt(np.bincount(of_atom, squares, count) / size)[:, None] + 1.0
    forces = _Forces(chain, bodies)
    owner = of_atom[forces.atoms]
    own, total = local[forces.atoms], _sum_by(owner, count)
    rotation = np.tile(np.eye(3), (count, 1, 1))
    momentum, scale = np.zeros((count, 6)), np.zeros((count, 1))
    for step in range(_STEPS):
        arms = np.einsum("aij,aj->ai", rotation[owner], own)
        points = arms + centre[owner]
        if step % _NEIGHBORS_EVERY == 0:
            forces.find_contacts(points)
        gradient = forces(points)
        whole = total @ np.concatenate([gradient, _cross(arms, gradient)], axis=1)
        whole[:, 3:] /= spread
        # Adam with one scale a body, so that the result does not depend on the axes.
        momentum = 0.9 * momentum + 0.1 * whole
        scale = 0.98 * scale + 0.02 * np.square(whole).sum(axis=1, keepdims=True)
        mean, deviation = momentum / (1 - 0.9 ** (step + 1)), np.sqrt(scale / (1 - 0.98 ** (step + 1)))
        move = -_rate(step) * mean / (deviation + 1e-3)
        centre = centre + move[:, :3]
        rotation = _rotations(move[:, 3:] / spread) @ rotation
    return np.einsum("aij,aj->ai", rotation[of_atom], local) + centre[of_atom]


def _rate(step: int) -> float:
    """How far a body moves in a step, angstrom: falls along a cosine."""
    return _LAST_STEP + (_FIRST_STEP - _LAST_STEP) * 0.5 * (1 + math.cos(math.pi * step / (_STEPS - 1)))


class _Forces:
    """Gradients on the atoms that links and beads need: springs of links, beads that only push."""

    def __init__(self, chain: Chain, bodies: np.ndarray):
        joints = np.flatnonzero(bodies[1:] != bodies[:-1])
        links = [(chain.atoms(a)[joints], chain.atoms(b)[joints + 1]) for a, b, _ in LINK]
        beads = np.concatenate(
            [
                chain.atoms("P"),
                chain.atoms("C4'"),
                chain.base_middles(),
                chain.base_tips(),
                chain.base_edges(),
            ]
        )
        self.atoms, places = np.unique(
            np.concatenate([*(a for a, _ in links), *(b for _, b in links), beads]), return_inverse=True
        )
        count = len(links) * len(joints)
        self.links = np.stack([places[:count], places[count : 2 * count]], axis=1)
        self.link_lengths = np.repeat([length for *_, length in LINK], len(joints))
        self.beads = places[2 * count :]
        self.radius = np.repeat(_RADII, len(bodies))
        self.residue = np.tile(np.arange(len(bodies)), len(_RADII))
        self.body = bodies[self.residue]

    def find_contacts(self, points: np.ndarray) -> None:
        """Search the beads that may meet in the steps that follow."""
        reach = 2 * self.radius.max() + 2.0
        a, b = KDTree(points[self.beads]).query_pairs(reach, output_type="ndarray").T
        meet = (self.body[a] != self.body[b]) & (np.abs(self.residue[a] - self.residue[b]) > 1)
        a, b = a[meet], b[meet]
        contacts = np.stack([self.beads[a], self.beads[b]], axis=1)
        self.lengths = np.concatenate([self.link_lengths, self.radius[a] + self.radius[b]])
        self.springs = Springs(np.concatenate([self.links, contacts]), len(self.links), len(self.atoms))
        self.weights = np.where(np.arange(len(self.lengths)) < len(self.links), 1.0, _REPULSION)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return self.springs(points, self.lengths, self.weights)[1]


def _sum_by(group: np.ndarray, count: int) -> csr_array:
    """A matrix that sums rows by their group."""
    return csr_array((np.ones(len(group)), (group, np.arange(len(group)))), shape=(count, len(group)))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`np.cross` of rows, three times as fast."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (B, 3, 3) of rotation vectors (B, 3), radians."""
    angle = np.linalg.norm(vectors, axis=1)
    axis = vectors / np.maximum(angle, 1e-12)[:, None]
    cross = np.zeros((len(vectors), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross -= cross.transpose(0, 2, 1)
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
