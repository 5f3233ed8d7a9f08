"""Samples, splits and frames for prediction of protein molecular dynamics."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from geometric_hyena.data.protein_md import (
    ATOM_FEATURES,
    FrameDataset,
    ProteinMDConfig,
    Trajectory,
    frames_for_prediction,
    load_protein_md,
)
from geometric_hyena.data.protein_md.splits import split_frames
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import collate


def config(files, **changes) -> ProteinMDConfig:
    return ProteinMDConfig(**{"topology": files[0], "trajectory": [files[1]], **changes})


def refusal(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_embedded_default(adk_data):
    assert len(adk_data.atoms) == 855
    # 98 frames: 78 train, 20 validate; t - 1 and t + 5 stay inside.
    assert list(adk_data.train.frames) == [*range(1, 34), *range(60, 93)]
    assert list(adk_data.validation.frames) == list(range(40, 54))
    assert list(adk_data.test.frames) == list(range(1, 97))
    assert [s[0].trajectory for s in (adk_data.train, adk_data.validation, adk_data.test)] == [0, 0, 1]


def test_a_sample(adk, adk_data):
    sample = adk_data.train[9]
    x = torch.from_numpy(adk.coordinates)
    assert sample.frame == 10
    assert torch.equal(sample.graph.positions, x[10])
    assert torch.equal(sample.target, x[15] - x[10])
    assert torch.equal(sample.graph.vectors, (x[10] - x[9])[:, None])
    assert sample.graph.scalars.shape == (855, ATOM_FEATURES + 1) == (855, adk_data.train.scalar_dim)
    assert sample.graph.neighbors is not None
    assert int((sample.graph.neighbors >= 0).sum(dim=1).min()) >= 1
    distance = (x[10][sample.graph.neighbors[100].clamp(min=0)] - x[10][100]).norm(dim=-1)
    assert distance.max() <= 10.0


def test_samples_can_be_changed_without_harm(adk_data):
    first = adk_data.train[0]
    before = first.graph.positions.clone()
    first.graph.positions.zero_()
    assert torch.equal(adk_data.train[0].graph.positions, before)


def test_neighbours_are_searched_once(adk, monkeypatch):
    from geometric_hyena.data.protein_md import dataset

    calls = []
    search = dataset.nearest_neighbors
    monkeypatch.setattr(dataset, "nearest_neighbors", lambda *a: calls.append(1) or search(*a))
    frames = FrameDataset(adk, [3, 4], lag=5)
    first, again = frames[0], frames[0]
    assert len(calls) == 1
    assert torch.equal(first.graph.neighbors, again.graph.neighbors)
    assert first.graph.neighbors.dtype == torch.int64


def test_features_do_not_turn_and_vectors_do(adk):
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned = (adk.coordinates @ turn.T + 5.0).astype(np.float32)
    frames = [1, 50]
    plain = FrameDataset(adk, frames, lag=5)
    moved = FrameDataset(Trajectory(turned, adk.atoms, adk.source), frames, lag=5)
    rotation = torch.from_numpy(turn).float()
    for a, b in zip(plain, moved, strict=True):
        torch.testing.assert_close(b.graph.scalars, a.graph.scalars, atol=1e-4, rtol=0)
        torch.testing.assert_close(b.graph.vectors, a.graph.vectors @ rotation.T, atol=1e-4, rtol=0)
        torch.testing.assert_close(b.target, a.target @ rotation.T, atol=1e-4, rtol=0)
        assert torch.equal(a.graph.neighbors, b.graph.neighbors)


def test_samples_make_batches(adk_data):
    def pack(samples):
        return collate([s.graph for s in samples]), torch.cat([s.target for s in samples])

    batch, target = next(iter(DataLoader(adk_data.test, batch_size=2, collate_fn=pack)))
    assert batch.lengths.tolist() == [855, 855]
    assert target.shape == (1710, 3)


@pytest.mark.parametrize(
    "frames", [{"train": 98}, {"train": 98, "test": 40}, {"train": 300, "validation": 50}]
)
@pytest.mark.parametrize("lag", [1, 5, 15])
@pytest.mark.parametrize("velocities", [True, False])
@pytest.mark.parametrize("stride", [1, 4])
def test_no_sample_reaches_into_another_split(frames, lag, velocities, stride):
    settings = ProteinMDConfig(
        topology="a",
        trajectory=["b"],
        validation_trajectory=["c"] if "validation" in frames else [],
        test_trajectory=["d"] if "test" in frames else [],
        lag=lag,
        velocities=velocities,
        stride=stride,
    )
    ranges = split_frames(settings, frames, dict.fromkeys(frames, "x"))
    touched = [
        {
            (part.trajectory, f)
            for t in part.starts(lag, velocities, stride)
            for f in range(t - velocities, t + lag + 1)
        }
        for part in ranges.values()
    ]
    totals = list(frames.values())
    assert all(touched)
    assert len(set().union(*touched)) == sum(len(part) for part in touched)
    assert all(0 <= frame < totals[number] for part in touched for number, frame in part)
    # Every frame belongs to exactly one split.
    assert sum(len(part) for part in ranges.values()) == sum(totals)


@pytest.mark.parametrize("velocities", [True, False])
def test_no_sample_spans_two_files(velocities):
    settings = ProteinMDConfig(topology="a", trajectory=["b", "c", "d"], lag=3, velocities=velocities)
    joints = {"train": (41, 90)}
    parts = split_frames(settings, {"train": 130}, {"train": "x"}, joints)
    plain = split_frames(settings, {"train": 130}, {"train": "x"})
    for name, part in parts.items():
        starts = part.starts(3, velocities, 1)
        expected = [
            t
            for t in plain[name].starts(3, velocities, 1)
            if not any(t - velocities < joint <= t + 3 for joint in joints["train"])
        ]
        assert starts == expected
    assert sum(map(len, parts.values())) == 130


def test_joints_are_where_files_end(adk_files):
    topology, one, other = adk_files
    joined = load_protein_md(
        ProteinMDConfig(topology=topology, trajectory=[one, other], selection="name CA", lag=5)
    )
    moved = torch.stack([s.target for part in (joined.train, joined.validation, joined.test) for s in part])
    # From the last frames of one transition to the first of the other it would be 36 angstrom.
    assert moved.square().sum(dim=-1).mean(dim=-1).sqrt().max() < 5


def test_own_trajectories_are_not_split(adk_files):
    data = load_protein_md(
        config(
            adk_files,
            validation_trajectory=[adk_files[2]],
            test_trajectory=[adk_files[2]],
            selection="name CA",
        )
    )
    assert [len(s) for s in (data.train, data.validation, data.test)] == [92, 96, 96]
    assert [s.number for s in (data.train, data.validation, data.test)] == [0, 1, 2]


def test_identity_survives_json_and_names_the_files(adk_data):
    identity = json.loads(json.dumps(adk_data.identity))
    assert identity == adk_data.identity
    assert identity["topology"]["name"] == "adk.psf"
    assert [t["frames"] for t in identity["trajectories"]] == [98, 102]
    assert all(len(f["sha256"]) == 64 for t in identity["trajectories"] for f in t["files"])
    assert identity["splits"]["validation"] == {
        "trajectory": 0,
        "frames": [[39, 58]],
        "samples": 14,
    }
    assert "/" not in json.dumps(identity)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"topology": None}, "data.trajectory: a trajectory needs its topology"),
        (
            {"topology": None, "trajectory": [], "test_trajectory": ["x"]},
            "data.test_trajectory: a trajectory needs",
        ),
        ({"lag": 0}, "data.lag: expected at least 1, got 0"),
        ({"stride": 0}, "data.stride"),
        ({"neighbors": 0}, "data.neighbors"),
        ({"radius": 0.0}, "data.radius"),
        ({"validation_fraction": 0.0}, "data.validation_fraction"),
        ({"test_fraction": 1.5}, "data.test_fraction"),
        ({"validation_fraction": 0.5, "test_fraction": 0.5}, "leave no frames to train on"),
    ],
)
def test_options_that_cannot_be_used(adk_files, changes, words):
    assert words in refusal(load_protein_md, config(adk_files, **changes))


def test_lag_that_does_not_fit_says_which_does(adk_files):
    text = refusal(load_protein_md, config(adk_files, lag=19))
    assert "20 consecutive validation frames of adk_dims.dcd (98 frames in all)" in text
    assert text.endswith("a lag of at most 18 would do")
    assert len(load_protein_md(config(adk_files, lag=18, selection="name CA")).validation) == 1
    assert "a lag of at most 18 would do" in refusal(load_protein_md, config(adk_files, lag=1000))


def test_too_few_frames_for_any_lag(adk_pdb):
    text = refusal(load_protein_md, ProteinMDConfig(topology=adk_pdb))
    assert "(1 frames in all); no lag would do" in text


def test_prediction_starts_where_there_are_velocities(adk, adk_files):
    frames, atoms, numbers = frames_for_prediction(ProteinMDConfig(), adk_files[0], [adk_files[1]])
    assert numbers == list(range(1, 98))
    assert len(atoms) == 855
    last = frames[len(frames) - 1]
    assert last.frame == 97
    assert last.target is None
    assert last.graph.vectors is not None
    np.testing.assert_array_equal(last.graph.vectors[:, 0], adk.coordinates[97] - adk.coordinates[96])


def test_prediction_without_velocities_needs_one_structure_only(adk_pdb, adk_files):
    plain = dataclasses.replace(ProteinMDConfig(), velocities=False)
    frames, _, numbers = frames_for_prediction(plain, adk_pdb)
    assert numbers == [0]
    assert frames[0].graph.vectors is None
    assert frames[0].graph.scalars.shape == (855, ATOM_FEATURES) == (855, frames.scalar_dim)
    assert frames_for_prediction(plain, adk_files[0], [adk_files[1]])[2] == list(range(98))


def test_prediction_with_velocities_refuses_one_structure(adk_pdb):
    text = refusal(frames_for_prediction, ProteinMDConfig(), adk_pdb)
    assert text.endswith(
        "was trained with velocities (data.velocities), which one structure does not give: "
        "pass a trajectory, or train with --data.velocities false"
    )


def test_start_frames_outside_the_trajectory(adk):
    for frame in (0, 93):
        assert f"from 1 to 92, got {frame}" in refusal(lambda f: FrameDataset(adk, [f], lag=5), frame)
