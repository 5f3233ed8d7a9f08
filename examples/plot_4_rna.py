"""
A profile along an RNA, on its structure
========================================

One number per nucleotide, predicted from 3D structure: here how crowded its surroundings are, computed from
the structure itself, so that the right answer is known. Training RNAs are hairpins; the test is a cloverleaf.

The structures are *sketches* built from secondary structure, not predictions of the fold.
"""

# %%
# Random hairpins, their sketches, and the number of sugars within 14 Å of each nucleotide's.

import random

import numpy as np
import torch

from geometric_hyena import GeometricHyena, collate
from geometric_hyena.data.rna import build_sketch, rna_graph
from geometric_hyena.models.readouts import ResidueReadout

PAIR = {"A": "U", "U": "A", "G": "C", "C": "G"}
draw = random.Random(0)


def hairpin():
    """A stem of 4 to 10 pairs, a loop, and loose ends."""
    stem = "".join(draw.choice("ACGU") for _ in range(draw.randint(4, 10)))
    loop, head, tail = (
        "".join(draw.choice("ACGU") for _ in range(draw.randint(*r))) for r in [(4, 8), (0, 6), (0, 6)]
    )
    sequence = head + stem + loop + "".join(PAIR[letter] for letter in reversed(stem)) + tail
    return sequence, "." * len(head) + "(" * len(stem) + "." * len(loop) + ")" * len(stem) + "." * len(tail)


def crowding(structure):
    """C4' atoms within 14 angstrom of each nucleotide's, (N, 1)."""
    sugars = torch.from_numpy(structure.coordinates[structure.atoms("C4'")])
    return ((torch.cdist(sugars, sugars) < 14).sum(dim=1, keepdim=True) - 1).float()


rnas = [hairpin() for _ in range(24)]
structures = [build_sketch(*rna) for rna in rnas]
graphs = [rna_graph(s, brackets, "backbone")[0] for s, (_, brackets) in zip(structures, rnas, strict=True)]
targets = torch.cat([crowding(structure) for structure in structures])
batch = collate(graphs)

# %%
# A small model, read out per nucleotide, and 150 steps on all hairpins at once.

torch.manual_seed(0)
dims = {"scalar_dim": graphs[0].scalars.shape[1], "edge_dim": graphs[0].edge_features.shape[2]}
model = GeometricHyena(**dims, hidden_dim=24, vector_channels=4, blocks=1)
readout = ResidueReadout(hidden_dim=24, targets=1)
readout.set_scale(3, targets.mean(dim=0), targets.std(dim=0))
optimizer = torch.optim.Adam([*model.parameters(), *readout.parameters()], lr=5e-3)
for _ in range(150):
    loss = (readout(model(batch), batch) - targets).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %%
# The test: yeast phenylalanine tRNA as a sketch, a cloverleaf of a kind that was not among the hairpins.

sequence = "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA"
brackets = "(((((((..((((........)))).((((.........)))).....(((((.......))))))))))))...."
structure = build_sketch(sequence, brackets)
cloverleaf = collate([rna_graph(structure, brackets, "backbone")[0]])
with torch.no_grad():
    predicted = readout(model(cloverleaf), cloverleaf)[:, 0].numpy()
measured = crowding(structure)[:, 0].numpy()
print(f"root mean squared error {np.sqrt(np.mean((predicted - measured) ** 2)):.2f} sugars;")
print(f"{np.sqrt(np.mean((targets.mean().item() - measured) ** 2)):.2f} for the mean of the hairpins")

# %%
# The profile above the base pairs. Where the four stems meet it is more crowded than in any hairpin; the
# model sees that, and says too little.

from geometric_hyena.data.rna.secondary_structure import partners
from geometric_hyena.report.profile_plot import nucleotide_profile

profile = nucleotide_profile(
    sequence, partners(brackets), {"sugars within 14 Å": predicted}, {"sugars within 14 Å": measured}
)

# %%
# The same on the structure, a circle a nucleotide.

from matplotlib.figure import Figure

chain = structure.coordinates[structure.atoms("C4'")]
chain = (chain - chain.mean(axis=0)) @ np.linalg.svd(chain - chain.mean(axis=0))[2].T
on_structure = Figure(figsize=(9, 4.4), layout="constrained")
low, high = np.quantile(np.concatenate([predicted, measured]), [0.02, 0.98])
for number, (name, values) in enumerate({"predicted": predicted, "from the structure": measured}.items()):
    axes = on_structure.add_subplot(1, 2, number + 1, projection="3d")
    axes.plot(*chain.T, color="#66707d", linewidth=1)
    points = axes.scatter(*chain.T, c=values, cmap="plasma_r", vmin=low, vmax=high, s=45, depthshade=False)
    axes.set_title(name)
    axes.set_box_aspect(np.ptp(chain, axis=0), zoom=1.3)
    axes.view_init(elev=90, azim=-90)
    axes.set_axis_off()
on_structure.colorbar(points, ax=on_structure.axes, label="sugars within 14 Å", shrink=0.7)
