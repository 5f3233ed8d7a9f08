"""
A protein's motion
==================

Adenylate kinase opens. A small model learns from one trajectory where every alpha carbon will be five frames
ahead, and is tested on another that it never saw. Both come with MDAnalysisTests.
"""

# %%
# Half a minute of training: five epochs of a small network. `make demo` trains on all backbone atoms.

from pathlib import Path
from tempfile import mkdtemp

from geometric_hyena.data.protein_md import ProteinMDConfig
from geometric_hyena.training.config import NetworkConfig
from geometric_hyena.training.protein_md import ProteinMDRun
from geometric_hyena.training.recipes import find_recipe
from geometric_hyena.training.train import train

config = ProteinMDRun(
    epochs=5,
    out=str(Path(mkdtemp()) / "adk"),
    threads=1,
    accelerator="cpu",
    network=NetworkConfig(hidden_dim=32, vector_channels=8),
    data=ProteinMDConfig(selection="name CA"),
)
run, evaluation = train(find_recipe("protein-md"), config, "the gallery")
print(evaluation.headline())

# %%
# Predicted and true displacements, their means over all test frames: in a single frame thermal motion hides
# where the protein is going.

from geometric_hyena.report.picture import displacement_arrows

frames, predicted = evaluation.frames, evaluation.predicted
arrows = displacement_arrows(
    frames.positions[0].numpy(), predicted.mean(dim=0).numpy(), frames.displacements.mean(dim=0).numpy()
)

# %%
# The same beside the trivial baselines: what counts is not the error but what it is compared with.

from matplotlib.figure import Figure

test = evaluation.metrics["test"]
names = sorted(test, key=lambda name: test[name]["mse"])
bars = Figure(figsize=(9, 2.6), layout="constrained")
axes = bars.subplots()
colors = ["#d9600f" if name == "model" else "#8a94a0" for name in names]
axes.barh([name.replace("_", " ") for name in names], [test[name]["mse"] for name in names], color=colors)
axes.invert_yaxis()
axes.set(xlabel="test mean squared error, Å²")
