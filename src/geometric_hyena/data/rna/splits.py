"""Splits of a data set: at random, or by clusters of similar sequences.

Designs come in families. A random split puts siblings on both sides and measures how well a model remembers;
the split by cluster has no two similar sequences on different sides.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geometric_hyena.errors import InputError

FRACTIONS = {"train": 0.70, "validation": 0.15, "test": 0.15}
_WORD = 6
# Words that many sequences share are of the construct (primer sites, barcode hairpins), not of the design.
_COMMON = 0.25
SIMILAR = 0.4  # part of the words of the shorter sequence


def random_split(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Places 0 .. count - 1 at random: 70 % train, 15 % validation, 15 % test, each ascending.

    Raises:
        InputError: for fewer than three molecules.
    """
    if count < 3:
        raise InputError(f"{count} molecules cannot be split into train, validation and test")
    order = np.random.default_rng(seed).permutation(count)
    held = max(1, round(FRACTIONS["test"] * count))
    parts = order[2 * held :], order[held : 2 * held], order[:held]
    return {name: np.sort(part) for name, part in zip(FRACTIONS, parts, strict=True)}


def cluster_split(sequences: Sequence[str], seed: int = 0, similar: float = SIMILAR) -> dict[str, np.ndarray]:
    """The same parts, but sequences of one cluster all in one of them.

    Clusters come in random order, large ones first; each goes where most is missing.

    Raises:
        InputError: where the clusters are too few or too large to fill three parts.
    """
    labels = clusters(sequences, similar)
    sizes = np.bincount(labels)
    generator = np.random.default_rng(seed)
    order = sorted(generator.permutation(len(sizes)), key=lambda number: -sizes[number])
    missing: dict[str, float] = {name: fraction * len(sequences) for name, fraction in FRACTIONS.items()}
    part_of = np.empty(len(sizes), dtype=object)
    for number in order:
        name = max(missing, key=lambda part: missing[part])
        part_of[number] = name
        missing[name] -= int(sizes[number])
    split = {name: np.flatnonzero(part_of[labels] == name) for name in FRACTIONS}
    if min(map(len, split.values())) == 0:
        raise InputError(
            f"{len(sizes)} clusters of similar sequences, the largest of {sizes.max()}, cannot be split into "
            f"train, validation and test; split at random"
        )
    return split


def clusters(sequences: Sequence[str], similar: float = SIMILAR) -> np.ndarray:
    """Cluster of every sequence, (M,) from 0: chains of similar sequences (single linkage).

    Two sequences are similar where at least `similar` of the shorter one's six-letter words are in the other;
    words in more than a quarter of all sequences do not count.
    """
    words: dict[str, int] = {}
    rows, columns = [], []
    for row, sequence in enumerate(sequences):
        own = {sequence[i : i + _WORD] for i in range(len(sequence) - _WORD + 1)} or {sequence}
        rows += [row] * len(own)
        columns += [words.setdefault(word, len(words)) for word in sorted(own)]
    shape = (len(sequences), len(words))
    table = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    frequent = table.sum(axis=0) > max(_COMMON * len(sequences), 3)
    table = table[:, ~frequent]
    sizes = np.maximum(table.sum(axis=1), 1)
    shared = (table @ table.T).tocoo()
    a, b = shared.coords
    close = shared.data >= similar * np.minimum(sizes[a], sizes[b])
    graph = csr_array((np.ones(close.sum()), (a[close], b[close])), shape=(len(sequences), len(sequences)))
    # The same sequence twice is similar even where all of its words are frequent.
    first = {sequence: row for row, sequence in reversed(list(enumerate(sequences)))}
    twins = csr_array(
        (np.ones(len(sequences)), (np.arange(len(sequences)), [first[sequence] for sequence in sequences])),
        shape=graph.shape,
    )
    return connected_components(graph + twins, directed=False)[1]
