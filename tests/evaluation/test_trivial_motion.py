"""Trivial predictors and metrics on motions small enough to work out by hand."""

import pytest
import torch

from geometric_hyena.evaluation.metrics import atom_squared_errors, vector_metrics
from geometric_hyena.evaluation.trivial_motion import (
    Frames,
    fitted_scale,
    superpositions,
    trivial_predictions,
)
from geometric_hyena.geometry.rotations import random_rotation

ALL = {"no_motion", "linear_motion", "mean_displacement", "atom_mean_displacement"}


def random_frames(frames=4, atoms=7, seed=0) -> Frames:
    generator = torch.Generator().manual_seed(seed)
    return Frames(*torch.randn(3, frames, atoms, 3, generator=generator, dtype=torch.float64))


def rotation(seed=0):
    return random_rotation(torch.Generator().manual_seed(seed))


def rotations(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([random_rotation(generator) for _ in range(count)])


def turned(frames: Frames, rotation) -> Frames:
    return Frames(*(x @ rotation.T for x in (frames.positions, frames.velocities, frames.displacements)))


def test_fitted_scale_recovers_the_scale_it_was_made_with():
    frames = random_frames()
    made = Frames(frames.positions, frames.velocities, 2.5 * frames.velocities)
    assert float(fitted_scale(made)) == pytest.approx(2.5)
    predicted = trivial_predictions(made, made)["linear_motion"]
    torch.testing.assert_close(predicted, made.displacements)


def test_fitted_scale_is_the_least_squares_one():
    velocities = torch.tensor([[[1.0, 0, 0], [0, 2, 0]]])
    displacements = torch.tensor([[[3.0, 0, 0], [0, 0, 1]]])
    # <v, d> / <v, v> = 3 / 5: what is at right angles to the velocity has no say
    assert float(fitted_scale(Frames(velocities, velocities, displacements))) == pytest.approx(0.6)


def test_mean_displacement_is_one_vector_of_the_training_frames():
    train, test = random_frames(), random_frames(frames=2, atoms=5, seed=1)
    train.displacements[:] = torch.tensor([1.0, -2.0, 0.5])
    train.displacements[0, 0] += torch.tensor([28.0, 0.0, 0.0])  # 28 over 4 frames of 7 atoms: 1
    predicted = trivial_predictions(train, test)["mean_displacement"]
    assert predicted.shape == (2, 5, 3)
    torch.testing.assert_close(predicted, torch.tensor([2.0, -2.0, 0.5], dtype=torch.float64).expand(2, 5, 3))


def test_no_motion_is_zero():
    frames = random_frames()
    assert not trivial_predictions(frames, frames)["no_motion"].any()


def test_superposition_recovers_a_rotation():
    reference = random_frames().positions[0]
    known = rotation()
    moved = reference @ known.T + torch.tensor([3.0, -1.0, 20.0])
    found = superpositions(moved[None], reference)[0]
    torch.testing.assert_close(found, known.T)
    centred = moved - moved.mean(dim=0)
    torch.testing.assert_close(centred @ found.T, reference - reference.mean(dim=0))


@pytest.mark.parametrize("seed", range(5))
def test_superposition_is_proper_even_of_a_mirror_image(seed):
    reference = random_frames(seed=seed).positions[0]
    found = superpositions((reference * torch.tensor([1.0, 1.0, -1.0]))[None], reference)[0]
    torch.testing.assert_close(found @ found.T, torch.eye(3, dtype=torch.float64))
    assert float(torch.linalg.det(found)) == pytest.approx(1.0)


def test_superposition_of_flat_and_straight_molecules_is_a_rotation():
    flat = random_frames().positions[0] * torch.tensor([1.0, 1.0, 0.0])
    straight = flat * torch.tensor([1.0, 0.0, 0.0])
    for reference in (flat, straight):
        found = superpositions((reference @ rotation().T)[None], reference)[0]
        assert float(torch.linalg.det(found)) == pytest.approx(1.0)
        expected = reference - reference.mean(dim=0)
        torch.testing.assert_close(expected @ rotation().T @ found.T, expected, atol=1e-9, rtol=0)


def test_atom_means_are_exact_where_every_atom_moves_alike_in_its_own_frame():
    body, step = random_frames().positions[0], random_frames(seed=1).positions[0]
    turns = rotations(6, seed=2)
    shifts = torch.randn(6, 1, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    motion = Frames(body @ turns + shifts, torch.zeros(6, 7, 3, dtype=torch.float64), step @ turns)
    train, test = (Frames(*(x[part] for x in vars(motion).values())) for part in (slice(4), slice(4, 6)))
    predicted = trivial_predictions(train, test)["atom_mean_displacement"]
    torch.testing.assert_close(predicted, test.displacements)


def test_atom_means_do_not_depend_on_how_the_test_trajectory_lies():
    train, test, turn = random_frames(), random_frames(frames=3, seed=1), rotation(4)
    lying, standing = trivial_predictions(train, test), trivial_predictions(train, turned(test, turn))
    for name in ("atom_mean_displacement", "linear_motion", "no_motion"):
        torch.testing.assert_close(standing[name], lying[name] @ turn.T)
    name = "atom_mean_displacement"
    before = vector_metrics(lying[name], test.displacements)["mse"]
    after = vector_metrics(standing[name], turned(test, turn).displacements)["mse"]
    assert after == pytest.approx(before, rel=1e-12)


def test_atom_means_do_not_depend_on_how_training_frames_lie():
    train, test = random_frames(), random_frames(frames=3, seed=1)
    turns = rotations(4, seed=5)
    turns[0] = torch.eye(3)
    tumbling = Frames(train.positions @ turns, train.velocities @ turns, train.displacements @ turns)
    name = "atom_mean_displacement"
    torch.testing.assert_close(
        trivial_predictions(tumbling, test)[name], trivial_predictions(train, test)[name]
    )


def test_atom_means_need_the_same_atoms():
    assert set(trivial_predictions(random_frames(), random_frames(seed=1))) == ALL
    other = trivial_predictions(random_frames(), random_frames(atoms=8))
    assert set(other) == ALL - {"atom_mean_displacement"}


def test_frames_without_motion_give_zero_and_no_nan():
    still = Frames(random_frames().positions, torch.zeros(4, 7, 3), torch.zeros(4, 7, 3))
    still = Frames(*(x.float() for x in vars(still).values()))
    assert float(fitted_scale(still)) == 0
    for predicted in trivial_predictions(still, still).values():
        assert vector_metrics(predicted, still.displacements) == {"mse": 0, "rmse": 0, "mae": 0}


def test_predictions_keep_dtype_and_shape():
    frames = Frames(*(x.float() for x in vars(random_frames()).values()))
    for predicted in trivial_predictions(frames, frames).values():
        assert predicted.shape == (4, 7, 3)
        assert predicted.dtype == torch.float32


def test_metrics_by_hand():
    measured = torch.zeros(1, 2, 3)
    predicted = torch.tensor([[[1.0, -2.0, 2.0], [0.0, 0.0, 3.0]]])
    found = vector_metrics(predicted, measured)
    assert found == pytest.approx({"mse": 18 / 6, "rmse": 3**0.5, "mae": 8 / 6})


def test_errors_of_atoms_by_hand():
    measured = torch.zeros(2, 2, 3)
    predicted = torch.tensor([[[1.0, -2.0, 2.0], [0, 0, 3]], [[0, 0, 0], [0, 0, 0]]])
    found = atom_squared_errors(predicted, measured)
    torch.testing.assert_close(found, torch.tensor([9 / 6, 9 / 6], dtype=torch.float64))


def test_metrics_are_summed_in_double_precision():
    error = torch.full((200_000, 8, 3), 0.1)
    expected = float(torch.tensor(0.1).double()) ** 2
    assert vector_metrics(error, torch.zeros_like(error))["mse"] == pytest.approx(expected, rel=1e-12)
