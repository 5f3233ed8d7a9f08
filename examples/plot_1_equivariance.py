"""
Equivariance made visible
=========================

Turn a molecule, and the vectors that a model gives turn with it, to the last digits. Look at it in a mirror,
and they do not: Geometric Hyena tells left from right.
"""

# %%
# A helix that wanders, and a model with random weights: symmetry is no matter of training. Convolutions are
# not scaled down, so that what they do is seen.

import torch

from geometric_hyena import GeometricGraph, GeometricHyena, collate
from geometric_hyena.geometry import reflection
from geometric_hyena.testing import relative_error, transform

torch.manual_seed(1)
turn = torch.linspace(0, 10, 36, dtype=torch.float64)
positions = torch.stack([4 * turn, 4 * torch.cos(2 * turn), 4 * torch.sin(2 * turn)], dim=1)
positions[:, 1] += 0.4 * (turn - 5) ** 2
molecule = GeometricGraph(torch.randn(36, 8, dtype=torch.float64), positions)
model = GeometricHyena(scalar_dim=8, vector_channels=4, blocks=2, conv_norm="none").double()


def vectors(graph):
    """One of the model's vectors per token."""
    with torch.no_grad():
        return model(collate([graph])).vectors[:, 0]


# %%
# Grey: the vectors of the molecule as it stands, turned along afterwards. Orange: the vectors that the model
# gives for the turned molecule.

import math

from matplotlib.figure import Figure

angle = math.radians(65)
rotation = torch.tensor(
    [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]],
    dtype=torch.float64,
)
nothing = torch.zeros(3, dtype=torch.float64)
figure = Figure(figsize=(10, 3.6), layout="constrained")
panels = figure.subplots(1, 3)
for axes, (name, matrix) in zip(
    panels,
    {"as it stands": torch.eye(3).double(), "turned": rotation, "in a mirror": reflection()}.items(),
    strict=True,
):
    moved = transform(molecule, matrix, nothing)
    expected, found = vectors(molecule) @ matrix.T, vectors(moved)
    error = relative_error(found, expected)
    place = moved.positions - (moved.positions.amin(dim=0) + moved.positions.amax(dim=0)) / 2
    longest = vectors(molecule).norm(dim=1).max() / 9
    axes.plot(place[:, 0], place[:, 1], color="#3d6ea6", linewidth=1.5)
    for arrows, color, width in ((expected, "#8a94a0", 0.014), (found, "#d9600f", 0.006)):
        x, y = place[:, :2].T
        u, v = (arrows / longest)[:, :2].T
        axes.quiver(x, y, u, v, color=color, width=width, angles="xy", scale_units="xy", scale=1)
    axes.set(title=f"{name}: relative error {error:.0e}", aspect="equal", xlim=(-27, 27), ylim=(-24, 24))
    axes.set_axis_off()

# %%
# The test suite holds every model to this, for random rotations and translations, below 1e-9 in float64.
