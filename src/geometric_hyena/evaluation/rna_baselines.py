"""Simple predictors beside every RNA result, fitted to the training molecules: geometry has to beat them.

Per nucleotide: constant, mean per position, and lookup tables. Per molecule: constant, and support vector
regression on words of the sequence.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from geometric_hyena.data.rna.records import RnaRecord
from geometric_hyena.errors import InputError, MissingDependencyError

# Positions from the 5' end that a table tells apart; all further ones are one.
_POSITIONS = 6
# Words of up to this many letters, and as many letters of both ends, feed the regression.
_LONGEST_WORD = 4
_END = 12


def nucleotide_baselines(train: Sequence[RnaRecord], test: Sequence[RnaRecord]) -> dict[str, np.ndarray]:
    """Predictions for all nucleotides of the test molecules end to end, (sum of N, T), by every table.

    `constant` the mean per target; `position` per position, behind the last measured one the constant;
    `nucleotide_loop` per letter and loop type; `nucleotide_loop_position` per letter, loop type and
    min(position, 6), from 0. What a table never saw is looked up in the next simpler one.
    """

    def nothing(record: RnaRecord) -> list[Hashable]:
        return [()] * len(record)

    def position(record: RnaRecord) -> list[Hashable]:
        return list(range(len(record)))

    def nucleotide_loop(record: RnaRecord) -> list[Hashable]:
        return list(zip(record.sequence, record.loop_types, strict=True))

    def nucleotide_loop_position(record: RnaRecord) -> list[Hashable]:
        near = (min(place, _POSITIONS) for place in range(len(record)))
        return list(zip(record.sequence, record.loop_types, near, strict=True))

    constant = _look_up(train, test, nothing, None)
    loops = _look_up(train, test, nucleotide_loop, constant)
    return {
        "constant": constant,
        "position": _look_up(train, test, position, constant),
        "nucleotide_loop": loops,
        "nucleotide_loop_position": _look_up(train, test, nucleotide_loop_position, loops),
    }


def molecule_baselines(
    train: Sequence[RnaRecord], test: Sequence[RnaRecord], regression: bool = True
) -> dict[str, np.ndarray]:
    """Predictions for the test molecules, (M, T): `constant` and, where asked for, `kmer_svr`.

    The regression sees how often every word of one to four letters occurs in the sequence, and the twelve
    letters at either end; its settings are chosen by cross-validation within the training molecules.

    Raises:
        MissingDependencyError: where scikit-learn is not installed.
    """
    measured = stacked_targets(train)
    constant = np.tile(_column_means(measured), (len(test), 1))
    if not regression:
        return {"constant": constant}
    predicted = constant.copy()
    words = sorted({word for record in train for word in _words(record.sequence)})
    inputs, asked = _word_table(train, words), _word_table(test, words)
    for column in range(measured.shape[1]):
        known = np.isfinite(measured[:, column])
        if known.sum() >= 10:  # fewer cannot be cross-validated
            predicted[:, column] = _regression(inputs[known], measured[known, column], asked)
    return {"constant": constant, "kmer_svr": predicted}


def stacked_targets(records: Sequence[RnaRecord]) -> np.ndarray:
    """Targets of all records end to end, (rows, T), NaN where not measured."""
    return np.concatenate([record.targets for record in records])


def _look_up(
    train: Sequence[RnaRecord],
    test: Sequence[RnaRecord],
    keys: Callable[[RnaRecord], list[Hashable]],
    simpler: np.ndarray | None,
) -> np.ndarray:
    """Mean of the training targets with the same key; where there is none, what the simpler table says."""
    measured = stacked_targets(train)
    places: dict[Hashable, int] = {}
    group = np.array([places.setdefault(key, len(places)) for record in train for key in keys(record)])
    known = np.isfinite(measured)
    sums = np.zeros((len(places) + 1, measured.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, group, np.where(known, measured, 0.0))
    np.add.at(counts, group, known)
    # The last row, empty, is for keys that no training molecule has.
    asked = np.array([places.get(key, len(places)) for record in test for key in keys(record)])
    if simpler is None:
        simpler = np.tile(_column_means(measured), (len(asked), 1))
    return np.where(counts[asked] > 0, sums[asked] / np.maximum(counts[asked], 1), simpler)


def _column_means(measured: np.ndarray) -> np.ndarray:
    known = np.isfinite(measured)
    if not known.any(axis=0).all():
        raise InputError("a target was measured in no training molecule; leave it out")
    return np.where(known, measured, 0.0).sum(axis=0) / known.sum(axis=0)


def _words(sequence: str) -> list[str]:
    counted = [
        sequence[start : start + size]
        for size in range(1, _LONGEST_WORD + 1)
        for start in range(len(sequence) - size + 1)
    ]
    first = [f"5'{place}{letter}" for place, letter in enumerate(sequence[:_END])]
    last = [f"3'{place}{letter}" for place, letter in enumerate(reversed(sequence[-_END:]))]
    return counted + first + last


def _word_table(records: Sequence[RnaRecord], words: list[str]) -> np.ndarray:
    """How often every word occurs in every sequence, (M, W)."""
    places = {word: place for place, word in enumerate(words)}
    table = np.zeros((len(records), len(words)))
    for row, record in enumerate(records):
        for word in _words(record.sequence):
            if word in places:
                table[row, places[word]] += 1
    return table


def _regression(inputs: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    try:
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVR
    except ImportError:
        raise MissingDependencyError("scikit-learn", "bio", "support vector regression") from None

    grid = {"svr__C": [0.1, 0.3, 1.0, 3.0, 10.0], "svr__gamma": ["scale", 3e-4, 1e-3, 3e-3]}
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SVR(epsilon=0.1)), grid, cv=5, scoring="neg_mean_squared_error"
    )
    return search.fit(inputs, targets).predict(asked)
