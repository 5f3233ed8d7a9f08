"""Readouts: sums over residues and molecules, one vector of a sequence."""

import pytest
import torch

from geometric_hyena import GeometricGraph, GeometricHyena, collate
from geometric_hyena.errors import InputError
from geometric_hyena.geometry import random_rotation
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.readouts import MoleculeReadout, PooledVectorReadout, ResidueReadout
from geometric_hyena.models.sequence_norm import measured

SIZES = [[2, 0, 3], [1, 1], [4]]


def batch_of(sizes=SIZES):
    generator = torch.Generator().manual_seed(0)
    graphs = [
        GeometricGraph(
            torch.randn(sum(s), 3, generator=generator),
            torch.randn(sum(s), 3, generator=generator),
            residue_lengths=torch.tensor(s),
        )
        for s in sizes
    ]
    return collate(graphs)


def scaled(kind, targets=2):
    torch.manual_seed(0)
    readout = kind(5, targets).double().eval()
    for parameter in readout.parameters():
        torch.nn.init.normal_(parameter)
    readout.set_scale(1.5, torch.tensor([3.0, -1.0]), torch.tensor([2.0, 0.5]))
    if kind is MoleculeReadout:
        readout.norm.mean.fill_(0.3)
        readout.norm.variance.fill_(0.49)
    return readout


def output_of(tokens):
    torch.manual_seed(1)
    scalars = torch.randn(tokens, 5, dtype=torch.float64, requires_grad=True)
    return GeometricOutput(scalars, torch.empty(0), torch.empty(0))


def by_hand(readout, scalars, groups):
    sums = torch.stack([sum((scalars[i] for i in group), torch.zeros(5).double()) for group in groups])
    pooled = sums / readout.tokens
    if isinstance(readout, MoleculeReadout):
        pooled = (pooled - 0.3) / (0.49 + 1e-5) ** 0.5
    return readout.mean + readout.deviation * readout.head(pooled)


@pytest.mark.parametrize("kind", [ResidueReadout, MoleculeReadout])
def test_sums_are_those_by_hand(kind):
    batch, readout, output = batch_of(), scaled(kind), output_of(11)
    groups = {
        ResidueReadout: [[0, 1], [], [2, 3, 4], [5], [6], [7, 8, 9, 10]],
        MoleculeReadout: [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9, 10]],
    }[kind]
    found, expected = readout(output, batch), by_hand(readout, output.scalars, groups)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, dtype=torch.float64)
    (one,) = torch.autograd.grad((found * weights).sum(), output.scalars, retain_graph=True)
    (other,) = torch.autograd.grad((expected * weights).sum(), output.scalars)
    torch.testing.assert_close(one, other)


def test_a_fresh_readout_says_the_mean():
    readout = ResidueReadout(5, 2)
    readout.set_scale(3.0, torch.tensor([3.0, -1.0]), torch.ones(2))
    output = GeometricOutput(torch.randn(11, 5), torch.empty(0), torch.empty(0))
    assert readout(output, batch_of()).tolist() == [[3.0, -1.0]] * 6


def test_the_scale_is_kept_with_the_weights():
    one, other = scaled(MoleculeReadout), MoleculeReadout(5, 2).double().eval()
    other.load_state_dict(one.state_dict())
    torch.testing.assert_close(one(output_of(11), batch_of()), other(output_of(11), batch_of()))


def variants(count=16, tokens=100):
    """Molecules of which all but the first two letters are the same, and what the two are worth."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(tokens, 3, generator=generator).cumsum(dim=0)
    letters = torch.randint(4, (tokens,), generator=generator).repeat(count, 1)
    letters[:, :2] = torch.randint(4, (count, 2), generator=generator)
    worth = torch.tensor([-1.5, -0.5, 0.5, 1.5])[letters[:, :2]].sum(dim=1, keepdim=True)
    return collate([GeometricGraph(torch.eye(4)[row], positions) for row in letters], k=4), worth


def test_variants_of_one_molecule_are_told_apart():
    """What differs is a few per cent of a sum: neither dropout nor weight decay may drown it."""
    batch, worth = variants()
    torch.manual_seed(0)
    model, readout = GeometricHyena(4, hidden_dim=16, blocks=1, dropout=0.2), MoleculeReadout(16, 1, 0.2)
    readout.set_scale(100.0, worth.mean(dim=0), worth.std(dim=0))
    trained, steps = torch.nn.ModuleList([model, readout]), 60
    optimizer = torch.optim.Adam(trained.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, steps)
    for _ in range(steps):
        error = (readout(model(batch), batch) - worth).square().mean().sqrt()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        schedule.step()
    trained.eval()
    with torch.no_grad():
        with measured(readout):
            readout(model(batch), batch)
        left = (readout(model(batch), batch) - worth).square().mean().sqrt()
    assert left < 0.5 * worth.std()


def test_residues_have_to_be_known():
    graph = GeometricGraph(torch.randn(4, 3), torch.randn(4, 3))
    with pytest.raises(InputError, match="residue_lengths"):
        scaled(ResidueReadout)(output_of(4), collate([graph]))


@pytest.mark.parametrize("lengths", [[2, 3], [5, -1], [[4]]])
def test_residues_have_to_add_up(lengths):
    with pytest.raises(InputError, match="add up to 4"):
        GeometricGraph(torch.randn(4, 3), torch.randn(4, 3), residue_lengths=torch.tensor(lengths))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_moving_a_batch_keeps_its_residues(dtype):
    moved = batch_of().to("cpu", dtype)
    assert moved.residue_lengths.tolist() == [2, 0, 3, 1, 1, 4]
    assert moved.residue_lengths.dtype == torch.int64


@pytest.mark.parametrize("kind", [ResidueReadout, MoleculeReadout])
def test_predictions_are_invariant_and_do_not_depend_on_the_batch(kind):
    torch.manual_seed(0)
    model = GeometricHyena(3, hidden_dim=5, vector_channels=2, blocks=1).double()
    readout, batch = scaled(kind), batch_of().to(dtype=torch.float64)
    rotation = random_rotation(torch.Generator().manual_seed(1)).double()
    turned = batch.__class__(**{**vars(batch), "positions": batch.positions @ rotation.T + 4})
    found = readout(model(batch), batch)
    torch.testing.assert_close(readout(model(turned), turned), found)
    alone = batch_of(SIZES[:1]).to(dtype=torch.float64)
    torch.testing.assert_close(readout(model(alone), alone), found[: 3 if kind is ResidueReadout else 1])


class TestPooledVector:
    sizes = ([5], [9])

    def readout(self):
        torch.manual_seed(0)
        readout = PooledVectorReadout(6, 4).double()
        for parameter in readout.parameters():
            torch.nn.init.normal_(parameter)
        return readout

    def output(self, rotation=None):
        generator = torch.Generator().manual_seed(1)
        scalars = torch.randn(14, 6, dtype=torch.float64, generator=generator)
        vectors = torch.randn(14, 4, 3, dtype=torch.float64, generator=generator)
        return GeometricOutput(scalars, vectors if rotation is None else vectors @ rotation.T, torch.empty(0))

    def test_it_is_a_mix_of_the_means_of_each_sequence(self):
        readout, output = self.readout(), self.output()
        expected = []
        for part in (slice(0, 5), slice(5, 14)):
            scalars, vectors = output.scalars[part].mean(dim=0), output.vectors[part].mean(dim=0)
            gain = readout.gain(torch.cat([scalars, (vectors.norm(dim=1) ** 2 + 1e-6) ** 0.5]))
            expected.append(
                sum(w * g * v for w, g, v in zip(readout.mix.weight[0], gain, vectors, strict=True))
            )
        torch.testing.assert_close(readout(output, batch_of(self.sizes)), torch.stack(expected))

    def test_it_rotates_with_the_vectors(self):
        readout, batch = self.readout(), batch_of(self.sizes)
        rotation = random_rotation(torch.Generator().manual_seed(2)).double()
        turned = readout(self.output(rotation), batch)
        torch.testing.assert_close(turned, readout(self.output(), batch) @ rotation.T)

    def test_a_fresh_readout_says_zero_and_learns_where_vectors_are_zero(self):
        readout, batch = PooledVectorReadout(6, 4).double(), batch_of(self.sizes)
        assert readout(self.output(), batch).abs().max() == 0
        vectors = torch.zeros(14, 4, 3, dtype=torch.float64, requires_grad=True)
        said = self.readout()(GeometricOutput(self.output().scalars, vectors, torch.empty(0)), batch)
        (gradient,) = torch.autograd.grad(said.sum(), vectors)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0
