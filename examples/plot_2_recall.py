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

torch.manual_seed(0)
LENGTH, BATCH, STEPS = 11, 32, 300
config = AssociativeRecallConfig(length=LENGTH, vocabulary=2, train=BATCH * STEPS, test=200)
train, test = (AssociativeRecall(config, split) for split in ("train", "test"))

model = GeometricHyena(scalar_dim=16, vector_dim=1, hidden_dim=32, blocks=2, radius=2.0)
mix = torch.nn.Linear(8, 1, bias=False)
torch.nn.init.zeros_(mix.weight)
parameters = [*model.parameters(), *mix.parameters()]
optimizer = torch.optim.Adam(parameters, lr=4e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS)


def pack(samples):
    """Sequences as a batch, and their answers (B, 3)."""
    return collate([s.graph for s in samples]), torch.stack([s.target for s in samples])


def answers(batch):
    """The mean of a sequence's vectors, its channels mixed, (B, 3): turns with the sequence."""
    means = torch.stack([vectors.mean(dim=0) for vectors in batch.split(model(batch).vectors)])
    return mix(means.transpose(1, 2))[..., 0]


for step in range(STEPS):
    batch, target = pack([train[BATCH * step + i] for i in range(BATCH)])
    loss = (answers(batch) - target).square().mean()
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
answer = answers(batch)
error = (answer - target).square().mean().item()
mean = (target - target.mean(dim=0)).square().mean().item()
print(f"mean squared error {error:.3f}, of the mean {mean:.3f}")

# %%
# What a token gives to the answer: the answer's Jacobian with respect to it, times the token, measured
# along the answer. One is all of it, zero nothing.

rows = [torch.autograd.grad(answer[:, axis].sum(), tokens, retain_graph=True)[0] for axis in range(3)]
with torch.no_grad():
    given = torch.einsum("axc,xc->xa", torch.stack(rows), tokens).view(len(test), LENGTH, 3)
    share = torch.einsum("bia,ba->bi", given, answer) / answer.square().sum(dim=1, keepdim=True)
    # Where the value asked for stands, and where others do: keys stand at even places from 0, values between.
    right = (tokens.view(len(test), LENGTH, 3) - target[:, None]).norm(dim=2) < 1e-5
    other = ~right & (torch.arange(LENGTH) % 2 == 1)
for name, places in {"the value asked for": right, "the other value": other}.items():
    print(f"{name}: {(share * places).sum(dim=1).median():.2f} of the answer (median over sequences)")

# %%
# Each row is a test sequence. Rings mark the places where the value asked for stands; the last token is the
# key that asks. Keys have a say, too: they decide which value it is.

from matplotlib.figure import Figure

shown = 14
figure = Figure(figsize=(9, 4.6), layout="constrained")
axes = figure.subplots()
picture = axes.imshow(share[:shown], cmap="PuOr_r", aspect="auto", vmin=-0.8, vmax=0.8)
y, x = right[:shown].nonzero(as_tuple=True)
axes.plot(x, y, "o", markersize=15, markerfacecolor="none", color="#1c2530", markeredgewidth=1.6)
axes.set(xlabel="token", ylabel="test sequence", yticks=[])
axes.set_xticks(range(LENGTH), [*(str(i + 1) for i in range(LENGTH - 1)), "asks"])
figure.colorbar(picture, label="share of the answer", extend="both")
