"""The GRU learns what needs the sequence around a nucleotide, and each molecule is on its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from geometric_hyena.data.rna.records import RnaRecord
from geometric_hyena.data.rna.sequence_features import SEQUENCE_FEATURES, sequence_features
from geometric_hyena.models.baselines.gru import BidirectionalGRU
from geometric_hyena.training import sequence_baseline
from geometric_hyena.training.sequence_baseline import GRURecipe, gru_predictions

SMALL = GRURecipe(hidden=16, layers=1, dropout=0.0, learning_rate=2e-2, epochs=30, batch_size=8)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """What is kept of the GRU: nothing of another test, or of another version."""
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "gru"


def molecules(count, seed, level="nucleotide"):
    """The target of a nucleotide is 1 where the one after it is G: a table of nucleotides cannot know."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        sequence = "".join(generator.choice(list("ACGU"), int(generator.integers(5, 12))))
        after = np.array([[float(x == "G")] for x in sequence[1:] + "A"])
        if level == "molecule":
            after = after.sum(keepdims=True) / len(sequence)
        found.append(RnaRecord(str(number), sequence, "." * len(sequence), after))
    return found


@pytest.mark.parametrize("level", ["nucleotide", "molecule"])
def test_it_learns(level):
    train, test = molecules(64, 0, level), molecules(16, 1, level)
    said = gru_predictions(train, test, level, recipe=SMALL)
    measured = np.concatenate([record.targets for record in test])
    assert said.shape == measured.shape
    assert np.mean((said - measured) ** 2) < 0.3 * measured.var()


def test_the_same_seed_gives_the_same_predictions_and_leaves_generator_and_threads_alone(monkeypatch):
    monkeypatch.setattr(sequence_baseline, "read_kept", lambda path: None)  # trained each time
    train, test = molecules(8, 0), molecules(3, 1)
    short = GRURecipe(hidden=4, epochs=2)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    one, again, other = (gru_predictions(train, test, "nucleotide", s, short) for s in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_it_is_trained_once_for_the_same_molecules_seed_and_recipe(kept, monkeypatch, caplog):
    trained = []
    train_it = sequence_baseline._train
    monkeypatch.setattr(sequence_baseline, "_train", lambda *given: trained.append(given) or train_it(*given))
    train, test = molecules(8, 0), molecules(3, 1)
    short = GRURecipe(hidden=4, epochs=2)

    first = gru_predictions(train, test, "nucleotide", 0, short)
    assert np.array_equal(first, gru_predictions(train, test, "nucleotide", 0, short))
    assert len(trained) == 1

    others = [
        gru_predictions(train, test, "nucleotide", 1, short),
        gru_predictions(train[:-1], test, "nucleotide", 0, short),
        gru_predictions(train[::-1], test, "nucleotide", 0, short),
        gru_predictions(molecules(8, 2), test, "nucleotide", 0, short),
        gru_predictions(train, test, "nucleotide", 0, replace(short, dropout=0.0)),
    ]
    assert len(trained) == 6
    assert not any(np.array_equal(first, other) for other in others)

    for path in kept.iterdir():  # damaged
        path.write_bytes(path.read_bytes()[:200])
    assert np.array_equal(first, gru_predictions(train, test, "nucleotide", 0, short))
    assert len(trained) == 7
    assert "damaged" in caplog.text


def test_it_says_the_same_where_nothing_can_be_kept(tmp_path, monkeypatch):
    train, test = molecules(8, 0), molecules(3, 1)
    short = GRURecipe(hidden=4, epochs=2)
    first = gru_predictions(train, test, "nucleotide", 0, short)
    (tmp_path / "file").touch()
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path / "file"))
    assert np.array_equal(first, gru_predictions(train, test, "nucleotide", 0, short))


@pytest.mark.parametrize("pooled", [False, True])
def test_molecules_do_not_see_their_batch(pooled):
    torch.manual_seed(0)
    model = BidirectionalGRU(SEQUENCE_FEATURES, 2, hidden=8, pooled=pooled).eval()
    lengths = torch.tensor([3, 7, 1])
    features = torch.randn(11, SEQUENCE_FEATURES)
    together = model(features, lengths)
    alone = torch.cat([model(part, torch.tensor([len(part)])) for part in torch.split(features, [3, 7, 1])])
    assert torch.allclose(together, alone, atol=1e-6)
    assert together.shape == ((3, 2) if pooled else (11, 2))


def test_features_name_the_partner():
    features = sequence_features(RnaRecord("a", "GAAAC", "(...)", np.zeros((5, 1))))
    assert features.shape == (5, SEQUENCE_FEATURES)
    assert features[0, -4:].tolist() == [0, 1, 0, 0]  # C
    assert features[4, -4:].tolist() == [0, 0, 1, 0]  # G
    assert features[1, -4:].tolist() == [0, 0, 0, 0]
    assert features[[0, 1, 4], 4:7].argmax(dim=1).tolist() == [1, 0, 2]
