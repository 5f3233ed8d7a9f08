"""Noise on training positions keeps what belongs together together."""

import torch

from geometric_hyena.data.protein_md import jitter
from geometric_hyena.data.protein_md.features import speed_feature


def frame(count=500):
    velocities = torch.randn(count, 1, 3)
    scalars = torch.cat([torch.randn(count, 4), speed_feature(velocities[:, 0])], dim=1)
    return scalars, 10 * torch.randn(count, 3), velocities, torch.randn(count, 3)


def test_the_later_and_the_earlier_frame_stay_where_they_were():
    scalars, positions, velocities, target = frame()
    torch.manual_seed(0)
    moved_scalars, moved, moved_velocities, moved_target = jitter(scalars, positions, velocities, target, 0.3)
    torch.testing.assert_close(moved + moved_target, positions + target)
    torch.testing.assert_close(moved - moved_velocities[:, 0], positions - velocities[:, 0])
    torch.testing.assert_close(moved_scalars[:, -1:], speed_feature(moved_velocities[:, 0]))
    assert torch.equal(moved_scalars[:, :-1], scalars[:, :-1])
    assert 0.28 < float((moved - positions).std()) < 0.32


def test_without_velocities():
    scalars, positions, _, target = frame()
    moved_scalars, moved, vectors, _ = jitter(scalars, positions, None, target, 0.1)
    assert vectors is None
    assert torch.equal(moved_scalars, scalars)
    assert not torch.equal(moved, positions)
