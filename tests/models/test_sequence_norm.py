"""Normalisation over sequences: by the batch in training, by what was kept or measured afterwards."""

import pytest
import torch

from geometric_hyena.models.sequence_norm import SequenceNorm, measured


def rows(count=6):
    generator = torch.Generator().manual_seed(0)
    return 5 + 0.03 * torch.randn(count, 4, generator=generator, dtype=torch.float64)


def test_in_training_it_is_batch_normalisation():
    ours, theirs = SequenceNorm(4).double(), torch.nn.BatchNorm1d(4, affine=False).double()
    x, y = rows().requires_grad_(), rows().requires_grad_()
    found, expected = ours(x), theirs(y)
    torch.testing.assert_close(found, expected)
    weights = torch.linspace(-1, 2, 24, dtype=torch.float64).view(6, 4)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_afterwards_a_sequence_does_not_depend_on_others():
    norm = SequenceNorm(4).double()
    for _ in range(300):
        norm(rows())
    norm.eval()
    everyone = norm(rows())
    torch.testing.assert_close(
        everyone, (rows() - rows().mean(0)) / rows().std(0, correction=0), rtol=0.02, atol=0.02
    )
    torch.testing.assert_close(torch.cat([norm(row[None]) for row in rows()]), everyone, rtol=0, atol=0)


def test_sequences_one_at_a_time_are_told_apart_too():
    norm = SequenceNorm(4).double()
    for _ in range(100):
        for row in rows():
            norm(row[None])
    spread = torch.cat([norm.eval()(row[None]) for row in rows()]).std(dim=0)
    assert ((spread > 0.5) & (spread < 2)).all()


@pytest.mark.parametrize("count", [1, 2])
def test_gradients(count):
    norm = SequenceNorm(4).double()
    norm(rows())
    state = {name: value.clone() for name, value in norm.state_dict().items()}

    def normalised(x):
        norm.load_state_dict(state)
        return norm(x)

    assert torch.autograd.gradcheck(normalised, rows(count).requires_grad_())


def test_channels_in_which_nothing_differs_stay_small():
    norm, same = SequenceNorm(4), torch.full((3, 4), 2.0)
    assert norm(same).abs().max() == 0
    assert torch.isfinite(norm(same + torch.eye(3, 4) * 1e-4)).all()
    assert norm(same + torch.eye(3, 4) * 1e-4).abs().max() < 0.1


def test_what_was_measured_is_kept():
    norm = SequenceNorm(4).double()
    norm(rows() + 3)
    norm.eval()
    with measured(torch.nn.ModuleList([norm])):
        norm(rows()[:2])
        norm(rows()[2:])
    torch.testing.assert_close(norm.mean, rows().mean(dim=0))
    torch.testing.assert_close(norm.variance, rows().var(dim=0, correction=0))
    expected = norm(rows())
    norm(rows() - 2)  # outside, evaluation leaves it as it is
    torch.testing.assert_close(norm(rows()), expected, rtol=0, atol=0)


def test_one_sequence_is_no_measure():
    norm = SequenceNorm(4).double()
    norm(rows())
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    for met in ([], [rows(1)]):
        with measured(norm.eval()):
            for row in met:
                norm(row)
        torch.testing.assert_close(dict(norm.state_dict()), before, rtol=0, atol=0)


def test_the_first_batch_is_what_is_kept_at_first():
    norm = SequenceNorm(4).double()
    norm(rows())
    torch.testing.assert_close(norm.mean, rows().mean(dim=0))
    torch.testing.assert_close(norm.variance, rows().var(dim=0, correction=0))
