"""Sequences of associative recall: what makes one, and that it depends on seed, split and number alone."""

from collections import Counter

import numpy as np
import pytest
import torch

from geometric_hyena import collate
from geometric_hyena.cli import main
from geometric_hyena.data.associative_recall import (
    AssociativeRecall,
    AssociativeRecallConfig,
    load_associative_recall,
)
from geometric_hyena.errors import InputError
from geometric_hyena.geometry.positional import positional_features

LENGTHS = (3, 4, 5, 8, 17, 32, 128)


def split(name="train", **changes) -> AssociativeRecall:
    return AssociativeRecall(AssociativeRecallConfig(**{"train": 50, **changes}), name)


def places_of(tokens, vector) -> list[int]:
    return [i for i, token in enumerate(tokens) if np.array_equal(token, vector)]


@pytest.mark.parametrize("variant", ["random", "fixed"])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_last_token_stood_before_with_the_target_behind_it(length, variant):
    data = split(length=length, variant=variant)
    for i in range(len(data)):
        tokens, target = data.sequence(i)
        assert tokens.shape == (length, 3)
        before = places_of(tokens, tokens[-1])[:-1]
        assert before, "the queried key does not stand before"
        values = [tokens[place + 1] for place in before if place + 1 < length - 1]
        assert values
        assert all(np.array_equal(value, target) for value in values)


@pytest.mark.parametrize("length", [16, 17])
def test_a_sequence_is_bigrams_end_to_end(length):
    """Keys stand at every other place up to the last, and each is always followed by its own value."""
    data = split(length=length, vocabulary=3)
    for i in range(len(data)):
        tokens, _ = data.sequence(i)
        keys = range((length + 1) % 2, length - 1, 2)
        value_of = {}
        for place in keys:
            value = value_of.setdefault(tokens[place].tobytes(), tokens[place + 1])
            assert np.array_equal(value, tokens[place + 1])
        assert 1 <= len(value_of) <= 3


def test_directions_are_isotropic_and_lengths_uniform_from_one_to_the_vocabulary():
    data = split(length=3, vocabulary=6, train=4000)
    targets = np.stack([data.sequence(i)[1] for i in range(len(data))])
    lengths = np.linalg.norm(targets, axis=1)
    assert lengths.min() >= 1
    assert lengths.max() <= 6
    assert lengths.mean() == pytest.approx(3.5, abs=0.1)
    assert np.histogram(lengths, bins=5, range=(1, 6))[0].min() > 4000 / 5 * 0.85
    directions = targets / lengths[:, None]
    np.testing.assert_allclose(directions.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(directions.T @ directions / 4000, np.eye(3) / 3, atol=0.03)


def test_a_random_vocabulary_is_of_one_sequence_and_a_fixed_one_of_all_up_to_rotation():
    def gram(data, i):
        tokens, _ = data.sequence(i)
        return {round(float(np.linalg.norm(token)), 9) for token in tokens}

    random, fixed = split(length=64), split(length=64, variant="fixed")
    assert not gram(random, 0) & gram(random, 1)
    assert gram(fixed, 0) == gram(fixed, 1)
    assert gram(fixed, 0) == gram(split("test", length=64, variant="fixed"), 0)
    first, second = (fixed.sequence(i)[0] for i in (0, 1))
    assert not {token.tobytes() for token in first} & {token.tobytes() for token in second}


@pytest.mark.parametrize("variant", ["random", "fixed"])
def test_deterministic_per_seed_and_number_and_new_in_every_epoch(variant):
    first, again, other = (split(variant=variant, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.sequence(7)[0], again.sequence(7)[0])
    assert not np.array_equal(first.sequence(7)[0], other.sequence(7)[0])
    assert not np.array_equal(first.sequence(7)[0], first.sequence(8)[0])
    again.set_epoch(3)
    assert not np.array_equal(first.sequence(7)[0], again.sequence(7)[0])
    first.set_epoch(3)
    assert np.array_equal(first.sequence(7)[0], again.sequence(7)[0])


@pytest.mark.parametrize("name", ["validation", "test"])
def test_validation_and_test_are_fixed_and_apart_from_training(name):
    data, train = split(name), split()
    before = data.sequence(5)[0]
    data.set_epoch(9)
    assert np.array_equal(data.sequence(5)[0], before)
    assert not np.array_equal(train.sequence(5)[0], before)


def test_every_bigram_is_asked_for_about_equally_often():
    data = split(length=16, variant="fixed", train=2000)
    asked = Counter(round(float(np.linalg.norm(data.sequence(i)[0][-1])), 9) for i in range(2000))
    assert len(asked) == 4
    assert min(asked.values()) > 2000 / 4 * 0.85


def test_a_sample_is_a_graph_of_neighbours_along_the_sequence():
    sample = split(length=6)[0]
    tokens, target = (torch.from_numpy(x).float() for x in split(length=6).sequence(0))
    assert torch.equal(sample.graph.positions, tokens)
    assert torch.equal(sample.graph.vectors, tokens[:, None])
    assert torch.equal(sample.target, target)
    assert sample.graph.scalars.shape == (6, 16)
    assert sample.graph.neighbors.tolist() == [[-1, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, -1]]
    assert collate([sample.graph, sample.graph]).lengths.tolist() == [6, 6]


def test_positional_features_are_sines_and_cosines_of_the_place():
    found = positional_features(50, 16).float()
    assert torch.allclose(found[:, 0], torch.arange(50.0).sin(), atol=1e-6)
    assert torch.allclose(found.square().sum(dim=1), torch.full((50,), 8.0), atol=1e-5)
    assert torch.cdist(found, found).add(torch.eye(50)).min() > 0.1  # all places differ


def test_the_mean_predictor_has_the_variance_of_the_target():
    """E |v|^2 / 3 = 7/3 for lengths uniform in [1, 4]."""
    targets = split(train=4000, length=4).targets()
    assert float(targets.square().mean()) == pytest.approx(7 / 3, rel=0.05)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("length", 2),
        ("vocabulary", 0),
        ("vocabulary", 1),
        ("train", 0),
        ("test", 0),
        ("variant", "both"),
        ("seed", -1),
    ],
)
def test_bad_values_are_named(name, value):
    with pytest.raises(InputError, match=rf"data\.{name}: .*{value}"):
        load_associative_recall(AssociativeRecallConfig(**{name: value}))


def test_the_command_writes_what_the_data_set_gives(tmp_path, capsys):
    file = tmp_path / "new" / "recall.npz"
    words = ["--length", "6", "--train", "20", "--seed", "2"]
    assert main(["data", "recall", "--out", str(file), *words]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    with np.load(file) as found:
        assert found["train_tokens"].shape == (20, 6, 3)
        assert found["test_targets"].shape == (200, 3)
        expected = split("test", length=6, seed=2).sequence(3)
        np.testing.assert_array_equal(found["test_tokens"][3], expected[0].astype(np.float32))
        np.testing.assert_array_equal(found["test_targets"][3], expected[1].astype(np.float32))
    assert [path.name for path in file.parent.iterdir()] == ["recall.npz"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--out: expected the file"),
        (["--out"], "--out: expected a value"),
        (["--out", ".", "--train", "1"], "is a directory"),
        (["--out", "a.npz", "--vocabulary", "1"], "vocabulary: expected at least 2"),
        (["--out", "a.npz", "--length", "two"], "length"),
        (["--out", "a.npz", "--blocks", "2"], "blocks"),
    ],
)
def test_bad_words_end_in_one_line(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "recall", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
