"""Charged particles: the physics of the simulation, the protocols, the cache and the samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from geometric_hyena.data.nbody import Augmented, NBodyConfig, Shuffled, cache, dataset, load_nbody, simulate
from geometric_hyena.data.nbody.config import resolve_config, start_steps, train_start_steps
from geometric_hyena.data.nbody.simulation import forces, initial_state, reflect
from geometric_hyena.data.nbody.states import States, in_other_units
from geometric_hyena.errors import InputError

SMALL = NBodyConfig(train=12, validation=6, test=7, steps=400, start=100, lag=200)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    return tmp_path / "nbody"


def generators(count, seed=0):
    return [np.random.default_rng([seed, i]) for i in range(count)]


def energy(positions, velocities, charges):
    """Kinetic and Coulomb energy (S, F) of trajectories."""
    offsets = positions[..., :, None, :] - positions[..., None, :, :]
    count = positions.shape[-2]
    upper = np.triu_indices(count, 1)
    distances = np.linalg.norm(offsets, axis=-1)[..., upper[0], upper[1]]
    products = (charges[:, upper[0]] * charges[:, upper[1]])[:, None]
    return 0.5 * (velocities**2).sum((-1, -2)) + (products / distances).sum(-1)


def test_forces_are_the_sum_over_pairs():
    generator = np.random.default_rng(0)
    positions, charges = generator.normal(size=(3, 4, 3)), generator.choice([-1.0, 1.0], size=(3, 4))
    expected = np.zeros_like(positions)
    for s in range(3):
        for i in range(4):
            for j in range(4):
                if i != j:
                    offset = positions[s, i] - positions[s, j]
                    expected[s, i] += charges[s, i] * charges[s, j] * offset / np.linalg.norm(offset) ** 3
    np.testing.assert_allclose(forces(positions, charges), expected, rtol=1e-12)
    np.testing.assert_allclose(forces(positions, charges).sum(axis=1), 0, atol=1e-10)  # action, reaction


def energy_error(time_step):
    """Largest relative change of energy over 0.2 time units without clipping; median over trajectories.

    A kick comes half a step before its drift, so the velocity at a position is the mean of both around it.
    """
    frames = round(0.2 / time_step) + 1
    done = simulate(5, generators(20), range(frames), time_step=time_step, largest_force=np.inf)
    centred = 0.5 * (done.velocities[:, 1:-1] + done.velocities[:, 2:])
    total = energy(done.positions[:, 1:-1], centred, done.charges)
    return np.median(np.abs(total - total[:, :1]).max(axis=1))


def test_energy_is_conserved_to_second_order_in_the_time_step():
    coarse, fine = energy_error(2e-3), energy_error(1e-3)
    assert fine < 1e-4
    assert coarse / fine == pytest.approx(4, rel=0.2)


def test_momentum_is_conserved():
    done = simulate(7, generators(5), [0, 300], largest_force=np.inf)
    momentum = done.velocities.sum(axis=2)
    np.testing.assert_allclose(momentum[:, 1], momentum[:, 0], atol=1e-9)


def test_forces_are_clipped():
    """Two opposite charges fall into each other; without clipping they leave at great speed."""
    free, clipped = (simulate(2, generators(200), [600], largest_force=limit) for limit in (np.inf, 100.0))
    assert np.abs(free.velocities).max() > np.abs(clipped.velocities).max()
    one = simulate(2, generators(200), [0, 1], largest_force=0.01)
    gained = np.abs(one.velocities[:, 1] - one.velocities[:, 0])
    assert gained.max() == pytest.approx(0.01 * 1e-3, rel=1e-9)


def test_walls_keep_particles_inside_and_their_speed():
    positions = np.array([[5.5, 0.0, -5.25], [1.0, 2.0, 3.0]])
    velocities = np.array([[0.3, 0.4, -0.5], [0.1, 0.1, 0.1]])
    reflect(positions, velocities)
    np.testing.assert_allclose(positions, [[4.5, 0.0, -4.75], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(velocities, [[-0.3, 0.4, 0.5], [0.1, 0.1, 0.1]])
    boxed, free = (simulate(60, generators(3), [3000], walls=walls) for walls in (True, False))
    assert np.abs(boxed.positions).max() <= 5
    assert np.abs(free.positions).max() > 5


@pytest.mark.parametrize("particles", [2, 5, 20, 100])
def test_any_number_of_particles(particles):
    done = simulate(particles, generators(3), [0, 10])
    assert done.positions.shape == (3, 2, particles, 3)
    speed = np.linalg.norm(done.velocities[:, 0], axis=-1)
    np.testing.assert_allclose(speed, 0.5)
    assert set(np.unique(done.charges)) <= {-1.0, 1.0}


def test_initial_positions_spread_with_the_number_of_particles():
    for particles in (5, 40):
        positions = np.stack([initial_state(particles, g)[0] for g in generators(400)])
        assert positions.std() == pytest.approx((particles / 5) ** (1 / 3), rel=0.05)


def test_a_trajectory_depends_on_its_generator_alone():
    many, few = simulate(5, generators(9), [50]), simulate(5, generators(2), [50])
    np.testing.assert_allclose(many.positions[:2], few.positions, rtol=1e-12)


def test_protocols():
    egnn, own, fuchs = (resolve_config(NBodyConfig(protocol=p)) for p in ("egnn", "se3-hyena", "fuchs"))
    assert (egnn.train, egnn.validation, egnn.test, egnn.start, egnn.walls) == (3000, 2000, 2000, 3100, False)
    assert (own.train, own.start, own.lag, own.walls) == (1000, 0, 1000, False)
    assert fuchs.walls
    assert start_steps(egnn) == train_start_steps(egnn) == [3100]
    starts = start_steps(fuchs)
    assert (len(starts), starts[0], starts[-1]) == (39, 100, 3900)  # of 49 frames
    assert train_start_steps(fuchs) == starts
    assert resolve_config(replace(SMALL, walls=True)).walls


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lag": 301}, r"data\.lag: the target lies at step 401 and only 400 are simulated"),
        ({"start": 4000}, r"data\.lag: the target lies at step 4200"),
        ({"start": -1, "lag": 400}, r"data\.lag: the target lies at step 501"),
        ({"start": -1, "lag": 150}, r"data\.lag: with data\.start -1 there is a frame every 100 steps"),
        (
            {"train_start": -1, "train_every": 30},
            r"train_start -1 there is a frame every 30 steps; .* not 200",
        ),
        ({"train_every": 0}, r"data\.train_every: expected at least 1, got 0"),
        ({"start": -2}, r"data\.start: expected at least -1, got -2"),
        ({"train_start": -2}, r"data\.train_start: expected at least -1, got -2"),
        ({"train_start": 300}, r"step 500 and only 400 are simulated; lower data\.train_start"),
        ({"lag": 0}, r"data\.lag: expected at least 1, got 0"),
        ({"particles": 1}, r"data\.particles: expected at least 2, got 1"),
        ({"train": 0}, r"data\.train: expected at least 1, got 0"),
        ({"protocol": "kipf"}, r"data\.protocol: there is no 'kipf'; choose one of: egnn"),
        ({"scale": 0.0}, r"data\.scale"),
    ],
)
def test_bad_values_are_named(changes, said, cache_folder):
    with pytest.raises(InputError, match=said):
        load_nbody(replace(SMALL, **changes))
    assert not cache_folder.exists()


def test_samples_are_states_with_displacements_seen_from_the_centre_of_mass():
    data = load_nbody(SMALL)
    sample = data.test[3]
    direct = simulate(5, [np.random.default_rng([43, 2, 3])], [100, 300])
    positions, velocities = direct.positions[0], direct.velocities[0]
    relative = velocities[0] - velocities[0].mean(axis=0)
    centred = positions - positions.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(sample.graph.positions, positions[0], atol=1e-6)
    np.testing.assert_allclose(sample.graph.vectors[:, 0], relative, atol=1e-6)
    np.testing.assert_allclose(sample.target, centred[1] - centred[0], atol=1e-5)
    np.testing.assert_allclose(sample.graph.scalars[:, 0], np.linalg.norm(relative, axis=1), atol=1e-6)
    charges = direct.charges[0]
    distances = np.linalg.norm(positions[0] - positions[0][:, None], axis=-1)
    for i in range(5):
        others = sample.graph.neighbors[i].tolist()
        assert others == [j for j in range(5) if j != i]
        edges = sample.graph.edge_features[i].numpy()
        np.testing.assert_allclose(edges[:, 0], charges[i] * charges[others])
        far = distances[i, others]
        np.testing.assert_allclose(
            edges[:, 1:4].T, [np.log(far + 0.01), 1 / (far + 0.3), 1 / (far**2 + 0.1)], rtol=1e-4, atol=1e-5
        )
    now, velocity, displacement = (x[3].numpy() for x in data.test.states())
    np.testing.assert_allclose(now, positions[0], atol=1e-6)
    np.testing.assert_allclose(velocity, velocities[0], atol=1e-6)
    np.testing.assert_allclose(displacement, positions[1] - positions[0], atol=1e-5)


def test_edges_know_energy_and_angular_momentum_which_two_particles_keep():
    steps = range(100, 2000, 100)
    found = simulate(2, generators(20), steps)
    vectors = np.stack([found.positions, found.velocities] * 2).astype(np.float32)
    charges = torch.from_numpy(found.charges.astype(np.float32))
    edges = [
        States.of(torch.from_numpy(vectors[:, :, i]), charges, lag=1.0, walls=False).relative().edges
        for i in range(len(steps))
    ]
    _, _, _, _, growing, passing, energy, momentum = torch.stack(edges).unbind(-1)
    assert energy.std(dim=0).median() < 0.01 * energy.std()
    assert momentum.std(dim=0).median() < 0.01 * momentum.std()
    offsets, relative = (x[:, :, 1] - x[:, :, 0] for x in (found.positions, found.velocities))
    distances = np.linalg.norm(offsets, axis=-1)
    speed = np.linalg.norm(relative, axis=-1)
    np.testing.assert_allclose(torch.hypot(growing, passing)[:, :, 0, 0].T, speed, rtol=0.1)
    rising = np.diff(distances) > 0
    assert np.mean((growing[:-1, :, 0, 0].T.numpy() > 0) == rising) > 0.95


def test_samples_of_large_systems_are_made_one_by_one(monkeypatch):
    kept = load_nbody(SMALL).test
    monkeypatch.setattr(dataset, "_PAIRS_AT_ONCE", 0)
    data = load_nbody(SMALL).test
    for i in range(len(data)):
        graph, expected = data[i].graph, kept[i].graph
        for name in ("scalars", "positions", "vectors", "neighbors", "edge_features"):
            assert torch.equal(getattr(graph, name), getattr(expected, name))
        assert torch.equal(data[i].target, kept[i].target)
    assert data._relative is None


def targets(data):
    return torch.stack([data[i].target for i in range(len(data))])


@pytest.mark.parametrize("walls", [False, True])
def test_displacements_are_told_from_those_relative_to_the_centre_of_mass(walls):
    data = load_nbody(replace(SMALL, walls=walls)).test
    displacements = data.states()[2]
    torch.testing.assert_close(data.displacements(targets(data)), displacements)
    assert torch.equal(targets(data), displacements) is walls  # walls push it
    if not walls:  # how it moves is known better than any model knows it
        torch.testing.assert_close(data.displacements(targets(data) + 1.0), displacements)


def test_half_of_what_training_draws_starts_where_the_test_does():
    config = NBodyConfig(protocol="se3-hyena", train=200, validation=1, test=1, steps=600, lag=200)
    data = load_nbody(replace(config, train_start=-1))
    asked = data.train_as_test.states()[0]
    same = [torch.isclose(data.train.states()[0], asked).all(dim=(1, 2))]
    data.train.set_epoch(1)
    same.append(torch.isclose(data.train.states()[0], asked).all(dim=(1, 2)))
    assert all(70 < x.sum() < 130 for x in same)
    assert not torch.equal(*same)
    assert load_nbody(config).train.states()[0].equal(asked)


def test_training_draws_other_times_in_units_in_which_they_are_as_long():
    config = NBodyConfig(train=20, validation=1, test=1, steps=2000, start=300, lag=1000, train_start=-1)
    data = load_nbody(config).train
    direct = simulate(5, [np.random.default_rng([43, 0, i]) for i in range(20)], range(100, 2001, 100))
    lags = set()
    for epoch in range(5):
        data.set_epoch(epoch)
        for i, (here, velocity, way) in enumerate(zip(*(x.numpy() for x in data.states()), strict=True)):
            found = [
                (start, lag)
                for lag in range(7, 15)
                for start in range(len(direct.positions[i]) - lag)
                if np.allclose(here, (10 / lag) ** (2 / 3) * direct.positions[i, start], atol=1e-5)
            ]
            ((start, lag),) = found
            length = (10 / lag) ** (2 / 3)
            moved = direct.positions[i, start + lag] - direct.positions[i, start]
            np.testing.assert_allclose(way, length * moved, atol=1e-4)
            np.testing.assert_allclose(velocity, length**-0.5 * direct.velocities[i, start], atol=1e-5)
            lags.add(lag)
    assert lags == set(range(7, 15))
    fixed = load_nbody(replace(config, augment=False)).train
    walled = load_nbody(replace(config, walls=True)).train
    assert walled._lags.tolist() == fixed._lags.tolist() == [1000]


def test_training_may_start_between_the_frames_of_the_test():
    config = NBodyConfig(train=20, validation=4, test=4, steps=1000, start=300, lag=200, train_start=-1)
    data, coarse = load_nbody(replace(config, train_every=20)), load_nbody(config)
    assert data.identity["train_start_steps"] == list(range(20, 800, 20))
    assert data.train._lags.tolist() == list(range(140, 281, 20))
    assert torch.equal(data.test.states()[0], coarse.test.states()[0])
    direct = simulate(5, [np.random.default_rng([43, 0, 0])], range(20, 1000, 20)).positions[0]
    starts = set()
    for epoch in range(60):
        data.train.set_epoch(epoch)
        here = data.train.current.vectors[0, 0].numpy()
        ratios = here / direct  # another unit of length wherever another time is drawn
        starts.add(int(np.ptp(ratios, axis=(1, 2)).argmin()))
    assert len(starts - set(range(4, 49, 5))) > 10


def test_training_may_start_where_the_test_does_not():
    config = NBodyConfig(train=40, validation=4, test=8, steps=1000, start=300, lag=200)
    data, same = load_nbody(replace(config, train_start=-1)), load_nbody(config)
    at_test = same.train.states()
    assert all(torch.equal(a, b) for a, b in zip(data.train_as_test.states(), at_test, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(data.test.states(), same.test.states(), strict=True))
    assert not torch.equal(data.train.states()[0], at_test[0])
    direct = simulate(5, [np.random.default_rng([43, 0, 0])], range(100, 1000, 100))
    starts = set()
    for epoch in range(40):
        data.train.set_epoch(epoch)
        here, _, displacement = (x[0].numpy() for x in data.train.states())
        start = np.abs(direct.positions[0] - here).max(axis=(1, 2)).argmin()
        starts.add(int(start))
        moved = direct.positions[0, start + 2] - direct.positions[0, start]
        np.testing.assert_allclose(displacement, moved, atol=1e-4)
    assert starts == set(range(7))
    assert data.identity["train_start_steps"] == list(range(100, 800, 100))
    assert data.identity["start_steps"] == [300]


def test_splits_are_of_different_trajectories_and_the_identity_tells_them_apart():
    data = load_nbody(SMALL)
    assert [len(x) for x in (data.train, data.validation, data.test)] == [12, 6, 7]
    assert not torch.equal(data.train[0].graph.positions, data.test[0].graph.positions)
    assert data.identity["walls"] is False
    assert len(set(data.identity["sha256"].values())) == 3


def test_fuchs_draws_start_frames_in_training_and_spreads_them_in_the_test():
    data = load_nbody(NBodyConfig(protocol="fuchs", train=40, validation=4, test=8, steps=1000, lag=200))
    first = data.train.states()[0]
    data.train.set_epoch(1)
    assert not torch.equal(data.train.states()[0], first)
    data.train.set_epoch(0)
    assert torch.equal(data.train.states()[0], first)
    before = data.test.states()
    data.test.set_epoch(1)
    assert all(torch.equal(a, b) for a, b in zip(before, data.test.states(), strict=True))
    # the first test trajectory starts at its first frame, the last at a late one
    direct = simulate(5, [np.random.default_rng([43, 2, i]) for i in (0, 7)], [100, 700], walls=True)
    np.testing.assert_allclose(before[0][0], direct.positions[0, 0], atol=1e-5)
    np.testing.assert_allclose(before[0][7], direct.positions[1, 1], atol=1e-4)


def test_shuffling_changes_the_order_and_nothing_else():
    data = load_nbody(SMALL).test
    shuffled = Shuffled(data)
    changed = 0
    for i in range(len(data)):
        a, b = data[i], shuffled[i]
        distances = torch.cdist(b.graph.positions, a.graph.positions)
        order = distances.argmin(dim=1)
        assert sorted(order.tolist()) == list(range(5))
        changed += order.tolist() != list(range(5))
        assert torch.equal(b.target, a.target[order])
        assert torch.equal(b.graph.scalars, a.graph.scalars[order])
        pair = a.graph.scalars[:, 1]
        pair = (pair[:, None] * pair[None])[order][:, order]
        assert torch.equal(b.graph.edge_features[..., 0], pair[~torch.eye(5, dtype=torch.bool)].view(5, 4))
    assert changed >= 5
    assert torch.equal(shuffled[2].target, Shuffled(data)[2].target)


def test_augmented_samples_are_images_of_the_same_under_what_the_physics_does_not_know():
    data = load_nbody(SMALL).train
    augmented, seen = Augmented(data), set()
    for epoch in range(4):
        augmented.set_epoch(epoch)
        for i in range(len(data)):
            graph, target = augmented[i].graph, augmented[i].target
            positions, velocities, way, arriving = data.current.vectors[:, i].clone()
            way -= data.current.drift[i]
            velocities, arriving = velocities - velocities.mean(dim=0), arriving - arriving.mean(dim=0)
            gaps = [(graph.scalars[:, :1] - v.norm(dim=1)).abs() for v in (velocities, arriving)]
            back = bool(gaps[1].amin(dim=1).sum() < gaps[0].amin(dim=1).sum())
            order = gaps[back].argmin(dim=1)  # speeds tell the particles apart
            image = (positions + way, -arriving, -way) if back else (positions, velocities, way)
            image = (image[0] - image[0].mean(dim=0), *image[1:])
            centred = graph.positions - graph.positions.mean(dim=0)
            sign = 1.0 if torch.allclose(centred, image[0][order], atol=1e-5) else -1.0
            found = (centred, graph.vectors[:, 0], target)
            for vectors, expected in zip(found, image, strict=True):
                torch.testing.assert_close(vectors, sign * expected[order], atol=1e-5, rtol=1e-4)
            charges = data.current.charges[i, order]
            charge = (graph.scalars[0, 1] * charges[0]).item()
            assert torch.equal(graph.scalars[:, 1], charge * charges)
            assert torch.equal(augmented[i].target, target)
            seen.add((i, back, sign, charge, tuple(order.tolist())))
    assert len({image[1:4] for image in seen}) == 8
    assert len(seen) > 3 * len(data)


def test_motion_run_backwards_is_motion():
    """Simulated from the target with velocities of opposite sign, particles come back to where they were."""
    done = simulate(5, generators(1), [0, 200], largest_force=np.inf)
    positions, velocities = done.positions[0, 1], -done.velocities[0, 1]
    for _ in range(200):
        velocities = velocities + 1e-3 * forces(positions[None], done.charges)[0]
        positions = positions + 1e-3 * velocities
    np.testing.assert_allclose(positions, done.positions[0, 0], atol=2e-3)


def test_simulated_once_and_again_where_the_file_is_broken(cache_folder, monkeypatch, caplog):
    first = load_nbody(SMALL).test.states()
    files = sorted(cache_folder.iterdir())
    assert len(files) == 3
    assert all(path.suffix == ".npz" for path in files)
    runs = []
    monkeypatch.setattr(cache, "simulate", lambda *a, **k: runs.append(a) or simulate(*a, **k))
    assert torch.equal(load_nbody(SMALL).test.states()[0], first[0])
    assert not runs
    for path in files:
        path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(load_nbody(SMALL).test.states()[0], first[0])
    assert len(runs) == 3
    assert all(f"{path}: is damaged" in caplog.text for path in files)
    load_nbody(replace(SMALL, seed=44))
    assert len(runs) == 6


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="file"):
        load_nbody(SMALL)


def test_motion_in_other_units_is_motion():
    """Lengths grow by a factor, time steps by its power 3/2: the same trajectory, larger and slower."""
    (generator,), times = generators(1), np.array([1.7])
    positions, velocities, charges = (x[None] for x in initial_state(5, generator))

    def later(x, v, time_step):
        for _ in range(300):
            v = v + time_step * forces(x, charges)
            x = x + time_step * v
        return np.stack([x, v])

    arrived = in_other_units(np.tile(later(positions, velocities, 1e-4), (2, 1, 1, 1)), times)[:2]
    larger = in_other_units(np.stack([positions, velocities] * 2), times)[:2]
    np.testing.assert_allclose(later(*larger, 1.7e-4), arrived, rtol=1e-10)
