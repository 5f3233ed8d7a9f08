"""
Which tokens an answer comes from
=================================

Associative recall: pairs of a key and a value, vectors all of them, end to end; the last token is a key that
stood before, and the answer is the value that followed it there. A convolution has no attention map, but one
can ask the trained model which tokens its answer depends on.
"""

# %%
# Every sequence has a vocabulary of its own: there is nothing to memorise, only to look up. Training is a
# plain PyTorch loop of less than a minute.

from dataclasses import replace

import torch

from geometric_hyena import GeometricHyena, collate
from geometric_hyena.data.associative_recall import AssociativeRecall, AssociativeRecallConfig
from geometric_hyena.models.readouts import PooledVectorReadout

torch.manual_seed(0)
LENGTH, BATCH, STEPS = 11, 32, 300
config = AssociativeRecallConfig(length=LENGTH, vocabulary=2, train=BATCH * STEPS, test=200)
train, test = (AssociativeRecall(config, split) for split in ("train", "test"))

model = GeometricHyena(scalar_dim=16, vector_dim=1, hidden_dim=32, blocks=2, radius=2.0)
readout = PooledVectorReadout(vector_channels=8)
parameters = [*model.parameters(), *readout.parameters()]
optimizer = torch.optim.Adam(parameters, lr=4e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS)


def pack(samples):
    """Sequences as a batch, and their answers (B, 3)."""
    return collate([s.graph for s in samples]), torch.stack([s.target for s in samples])


for step in range(STEPS):
    batch, target = pack([train[BATCH * step + i] for i in range(BATCH)])
    loss = (readout(model(batch), batch) - target).square().mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    schedule.step()

# %%
# The error on sequences it never saw, beside that of predicting the mean:

batch, target = pack([test[i] for i in range(len(test))])
tokens = batch.positions.clone().requires_grad_()
batch = replace(batch, positions=tokens, vectors=tokens[:, None])
answer = readout(model(batch), batch)
error = (answer - target).square().mean().item()
mean = (target - target.mean(dim=0)).square().mean().item()
print(f"mean squared error {error:.3f}, of the mean {mean:.3f}")

# %%
# How much the answer moves when a token does: the norm of its Jacobian, token by token.

rows = [torch.autograd.grad(answer[:, axis].sum(), tokens, retain_graph=True)[0] for axis in range(3)]
influence = torch.stack(rows).square().sum(dim=(0, 2)).sqrt().view(len(test), LENGTH)
influence = influence / influence.sum(dim=1, keepdim=True)

# Where the answer stands: tokens that are equal to it.
right = (tokens.detach().view(len(test), LENGTH, 3) - target[:, None]).norm(dim=2) < 1e-5
share = influence[right].sum() / len(test)
print(f"{share:.0%} of the influence lies on the right values, {right.float().mean():.0%} of the tokens")

# %%
# Each row is a test sequence. Rings mark the places where the value asked for stands; the last token is the
# key that asks. Colour says how much of the answer depends on a token.

from matplotlib.figure import Figure

shown = 14
figure = Figure(figsize=(9, 4.6), layout="constrained")
axes = figure.subplots()
picture = axes.imshow(influence[:shown], cmap="Blues", aspect="auto", vmin=0)
y, x = right[:shown].nonzero(as_tuple=True)
axes.plot(x, y, "o", markersize=15, markerfacecolor="none", color="#d9600f", markeredgewidth=1.8)
axes.set(xlabel="token", ylabel="test sequence", yticks=[])
axes.set_xticks(range(LENGTH), [*(str(i + 1) for i in range(LENGTH - 1)), "asks"])
figure.colorbar(picture, label="share of the influence")
