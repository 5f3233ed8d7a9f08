"""The opponents of RNA models find what they can see, and no more."""

import numpy as np
import pytest
import torch

from geometric_hyena.data.rna.open_vaccine import load_open_vaccine
from geometric_hyena.data.rna.records import RnaRecord
from geometric_hyena.data.rna.splits import random_split
from geometric_hyena.errors import InputError
from geometric_hyena.evaluation.metrics import regression_metrics
from geometric_hyena.evaluation.rna_baselines import molecule_baselines, nucleotide_baselines, stacked_targets
from real_data import real_file


def records(values, count=40, length=12, seed=0):
    """Random sequences with targets (N, T) that a function of sequence and positions gives."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        sequence = "".join(generator.choice(list("ACGU"), length))
        targets = np.asarray(values(sequence, np.arange(length)), dtype=float)
        found.append(RnaRecord(str(number), sequence, "(((....)))..", targets))
    return found


def test_every_table_finds_its_own_law():
    laws = {
        "position": lambda sequence, place: (place**2)[:, None],
        "nucleotide_loop": lambda sequence, place: [["ACGU".index(x)] for x in sequence],
        "nucleotide_loop_position": lambda sequence, place: [
            ["ACGU".index(x) * min(k, 6)] for k, x in zip(place, sequence, strict=True)
        ],
    }
    for name, law in laws.items():
        train, test = records(law, 200), records(law, 10, seed=1)
        said = nucleotide_baselines(train, test)
        error = {k: np.abs(v - stacked_targets(test)).max() for k, v in said.items()}
        assert error[name] < 1e-9
        assert error["constant"] > 0.5


def test_what_was_not_measured_is_not_learned():
    def law(sequence, place):
        return np.stack([np.where(place < 6, 1.0, np.nan), np.full(12, 2.0)], axis=1)

    said = nucleotide_baselines(records(law), records(law, 2))
    for prediction in said.values():
        assert prediction.shape == (24, 2)
        assert np.allclose(prediction, [1.0, 2.0])  # behind the measured positions: the constant
    nothing = records(lambda sequence, place: np.full((12, 1), np.nan))
    with pytest.raises(InputError, match="measured in no training molecule"):
        nucleotide_baselines(nothing, nothing)


def test_regression_on_words_beats_the_constant():
    pytest.importorskip("sklearn")

    def law(sequence, place):
        return [[sequence.count("GA") + 0.5 * (sequence[0] == "G")]]

    train, test = records(law, 150, length=12), records(law, 60, seed=1)
    said = molecule_baselines(train, test)
    measured = stacked_targets(test)
    rmse = {name: regression_metrics(value, measured)["rmse"] for name, value in said.items()}
    assert rmse["kmer_svr"] < 0.6 * rmse["constant"]


def test_open_vaccines_published_floor():
    """Constant .51, position .42, nucleotide and loop .43, with the first positions .39 on a random split."""
    data = load_open_vaccine(real_file("open_vaccine/train.json"))
    split = random_split(len(data))
    train, test = ([data.records[i] for i in split[name]] for name in ("train", "test"))
    said = nucleotide_baselines(train, test)
    measured = stacked_targets(test)
    found = {name: regression_metrics(value, measured)["mcrmse"] for name, value in said.items()}
    assert found == pytest.approx(
        {"constant": 0.510, "position": 0.414, "nucleotide_loop": 0.430, "nucleotide_loop_position": 0.386},
        abs=2e-3,
    )


def test_metrics_of_a_small_table_by_hand():
    measured = np.array([[0.0, np.nan], [1.0, 2.0], [2.0, 4.0]])
    predicted = np.array([[0.0, 99.0], [1.0, 3.0], [5.0, 2.0]])
    found = regression_metrics(predicted, measured)
    assert found["rmse"] == pytest.approx(np.sqrt((9 + 1 + 4) / 5))
    assert found["mcrmse"] == pytest.approx((np.sqrt(3) + np.sqrt(2.5)) / 2)
    assert found["mae"] == pytest.approx(6 / 5)
    assert found["r2"] == pytest.approx(((1 - 9 / 2) + (1 - 5 / 2)) / 2)
    assert found["spearman"] == pytest.approx((1 - 1) / 2)
    assert regression_metrics(np.ones_like(measured), measured)["spearman"] == 0.0
    with pytest.raises(InputError, match="nothing was measured"):
        regression_metrics(predicted, np.full_like(measured, np.nan))
    with pytest.raises(InputError, match="alike"):
        regression_metrics(predicted[:1], measured)


def test_the_loss_is_masked_and_has_a_gradient():
    from geometric_hyena.training.losses import mean_column_rmse

    target = torch.tensor([[1.0, float("nan")], [3.0, 2.0], [5.0, float("nan")]])
    prediction = torch.tensor([[1.0, 7.0], [1.0, 5.0], [5.0, 7.0]], requires_grad=True)
    loss = mean_column_rmse(prediction, target)
    assert loss.item() == pytest.approx((np.sqrt(4 / 3) + 3) / 2, rel=1e-6)
    loss.backward()
    assert torch.isfinite(prediction.grad).all()
    assert prediction.grad[[0, 2], 1].tolist() == [0.0, 0.0]
    empty = mean_column_rmse(prediction, torch.full((3, 2), float("nan")))
    assert empty.item() == 0.0
