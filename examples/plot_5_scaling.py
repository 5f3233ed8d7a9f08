"""
Time and memory against length
==============================

Drawn from the committed results of `ghyena benchmark`; nothing is measured here. Each file carries its
command, commit and hardware.
"""

# %%
# One block with the long convolution, and the same block with self-attention in its place: fused, and with
# the N×N matrix materialised as the papers do.

import json
from pathlib import Path

root = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "results" / "benchmarks").is_dir())
record = json.loads((root / "results" / "benchmarks" / "block.json").read_text())
rows = [row for row in record["rows"] if row["C"] == 16]
print(record["title"])
print(record["command"], "on", record["environment"]["cpu"], "REDUCED" if record["reduced"] else "")

# %%
# Time per forward pass. Ratios were measured side by side; absolute times are of a busy machine.

from matplotlib.figure import Figure

SERIES = {
    "Geometric Hyena": None,
    "fused attention": "fused attention / ours",
    "materialised": "materialised / ours",
}
COLORS = dict(zip(SERIES, ("#d9600f", "#3d6ea6", "#b3202c"), strict=True))

time = Figure(figsize=(9, 4), layout="constrained")
axes = time.subplots()
for name, ratio in SERIES.items():
    points = [
        (row["N"], 1e-6 * row["N"] * row["microseconds per token"] * (row[ratio] if ratio else 1))
        for row in rows
        if ratio is None or row.get(ratio)
    ]
    axes.loglog(*zip(*points, strict=True), "o-", color=COLORS[name], label=name)
axes.set(xlabel="tokens", ylabel="seconds, forward")
axes.grid(alpha=0.3)
axes.legend(frameon=False)

# %%
# Memory per token of our block, forward and in training: it does not grow with N, so that the total grows
# linearly.

memory = Figure(figsize=(9, 3.4), layout="constrained")
axes = memory.subplots()
for mode, style in (("forward", "o-"), ("training", "s--")):
    points = [
        (row["N"], row[f"bytes per token, {mode}"] / 1024)
        for row in rows
        if row.get(f"bytes per token, {mode}")
    ]
    axes.semilogx(*zip(*points, strict=True), style, color="#d9600f", label=mode)
axes.set(xlabel="tokens", ylabel="KiB per token", ylim=(0, None))
axes.grid(alpha=0.3)
axes.legend(frameon=False)
