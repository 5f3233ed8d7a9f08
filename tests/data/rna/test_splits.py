"""Splits: all molecules once, and no similar sequences on different sides."""

import numpy as np
import pytest

from geometric_hyena.data.rna.splits import cluster_split, clusters, random_split
from geometric_hyena.errors import InputError


def families(count, size, seed=0):
    """Random sequences of 60 letters, each with copies that differ in three places."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        parent = generator.choice(list("ACGU"), 60)
        for _ in range(size):
            child = parent.copy()
            child[generator.integers(0, 60, 3)] = generator.choice(list("ACGU"), 3)
            found.append("".join(child))
    return found


def test_random_split_is_whole_and_fixed():
    split = random_split(1589)
    assert {name: len(rows) for name, rows in split.items()} == {
        "train": 1113,
        "validation": 238,
        "test": 238,
    }
    assert np.array_equal(np.sort(np.concatenate(list(split.values()))), np.arange(1589))
    assert all(np.array_equal(split[name], random_split(1589)[name]) for name in split)
    assert not np.array_equal(split["test"], random_split(1589, seed=1)["test"])
    with pytest.raises(InputError, match="2 molecules"):
        random_split(2)


def test_clusters_are_the_families():
    sequences = families(20, 5)
    labels = clusters(sequences)
    assert len(set(labels.tolist())) == 20
    assert all(len(set(labels[k : k + 5].tolist())) == 1 for k in range(0, 100, 5))


def test_words_that_all_share_do_not_join_them():
    tail = "AAAGAAACAACAACAACAAC"
    labels = clusters([sequence + tail for sequence in families(20, 5)])
    assert len(set(labels.tolist())) == 20


def test_cluster_split_keeps_families_together():
    sequences = families(40, 5)
    split = cluster_split(sequences)
    assert np.array_equal(np.sort(np.concatenate(list(split.values()))), np.arange(200))
    sides = {row // 5: name for name, rows in split.items() for row in rows}
    assert all(sides[row // 5] == name for name, rows in split.items() for row in rows)
    assert len(split["train"]) == pytest.approx(140, abs=10)
    assert min(len(split["validation"]), len(split["test"])) >= 20


def test_sequences_that_are_one_family_cannot_be_split():
    with pytest.raises(InputError, match="split at random"):
        cluster_split(families(1, 3) * 3)
