"""Models go to a folder and come back, without network; the model that comes with the package."""

import inspect
import json
import pickle
import socket

import pytest
import torch

from geometric_hyena import GeometricGraph, InputError, collate
from geometric_hyena.files import write_json
from geometric_hyena.models.readouts import ResidueReadout
from geometric_hyena.models.registry import MODELS, build_model
from geometric_hyena.training.card import card_details
from geometric_hyena.training.run_directory import RunDirectory

pytest.importorskip("huggingface_hub")

from geometric_hyena.hub import READOUTS, PretrainedModel, from_predictor, shipped

OPTIONS = {"hidden_dim": 8, "vector_channels": 8, "blocks": 1}
# Third parties' packages, and what compiles for long: beyond the default tests.
SLOW = {"tfn", "equiformer", "tmd-et", "vn-transformer", "steerable-hyena"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refused(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    def graph(n):
        residues = torch.tensor([2, n - 2])
        return GeometricGraph(random(n, 4), 4 * random(n, 3), random(n, 1, 3), residue_lengths=residues)

    return collate([graph(9), graph(12)])


def pretrained(name, **options):
    has = build_options(name)
    return PretrainedModel(name, 4, 1, **{k: v for k, v in OPTIONS.items() if k in has}, **options).eval()


def build_options(name):
    return inspect.signature(MODELS[name]).parameters


NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MODELS]


@pytest.mark.parametrize("name", NAMES)
def test_every_model_comes_back_from_its_folder(name, tmp_path, batch):
    torch.manual_seed(0)
    model = pretrained(name)
    model.save_pretrained(tmp_path / "model")
    written = {file.name for file in (tmp_path / "model").iterdir()}
    assert written == {"config.json", "model.safetensors", "README.md"}
    torch.manual_seed(1)
    again = PretrainedModel.from_pretrained(tmp_path / "model")
    assert not again.training
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in model.state_dict().items())
    with torch.no_grad():
        ours, theirs = model(batch), again(batch)
    assert torch.equal(ours.positions, theirs.positions)
    assert torch.equal(ours.scalars, theirs.scalars)


def test_the_order_and_the_readout_come_back_too(tmp_path, batch):
    torch.manual_seed(0)
    model = pretrained("geometric-hyena", readout="residue", targets=3, order="axis")
    model.readout.set_scale(5.0, torch.tensor([1.0, 2.0, 3.0]), torch.ones(3))
    torch.nn.init.normal_(model.readout.head[-1].weight)
    model.save_pretrained(tmp_path)
    again = PretrainedModel.from_pretrained(str(tmp_path))
    with torch.no_grad():
        assert torch.equal(again(batch), model(batch))
    assert again(batch).shape == (4, 3)
    assert again.model.order == "axis"


def test_a_trained_model_and_its_readout_become_one_that_can_be_saved(tmp_path, batch):
    torch.manual_seed(0)
    model = build_model("egnn", 4, 1, {**OPTIONS, "gate": "k"}).eval()
    readout = ResidueReadout(8, 2, dropout=0.3).eval()
    torch.nn.init.normal_(readout.head[-1].weight)
    from_predictor(model, readout).save_pretrained(tmp_path)
    again = PretrainedModel.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(batch), readout(model(batch), batch))
    assert [part.p for part in again.readout.modules() if isinstance(part, torch.nn.Dropout)] == [0.3, 0.3]
    with pytest.raises(InputError, match="expected one of build_model"):
        from_predictor(torch.nn.Linear(2, 2), readout)


@pytest.mark.parametrize("kind", READOUTS)
@pytest.mark.parametrize("sizes", [{"hidden_dim": 8, "vector_channels": 4}, {}])
def test_readouts_of_given_and_of_usual_sizes(kind, sizes, tmp_path, batch):
    torch.manual_seed(0)
    made = (
        PretrainedModel("geometric-hyena", 4, 1, readout=kind, targets=2, blocks=1, **sizes).double().eval()
    )
    from_predictor(made.model, made.readout).save_pretrained(tmp_path)
    again = PretrainedModel.from_pretrained(tmp_path)
    precise = batch.to(dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(again(precise), made(precise))


def test_a_pooled_readout_of_a_model_without_scalars(batch):
    model = PretrainedModel("rf", 4, 1, readout="pooled-vector")
    assert model(batch).shape == (2, 3)


def test_the_card_says_what_it_is_and_is_kept(tmp_path):
    model = pretrained("egnn")
    model.save_pretrained(tmp_path, model_card_kwargs={"details": "Trained on nothing."})
    card = (tmp_path / "README.md").read_text()
    assert "The model `egnn`" in card
    assert "| hidden_dim | 8 |" in card
    assert "Trained on nothing." in card
    (tmp_path / "README.md").write_text("mine")
    model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "alphafold"}, "model: there is no 'alphafold'"),
        ({"hiden_dim": 3}, "hiden_dim: egnn has no such option; leave it out. It has: .*hidden_dim"),
        ({"readout": "ribosome"}, "readout: there is no 'ribosome'"),
        ({"name": "schnet", "readout": "vector"}, "model: schnet gives no vectors"),
        ({"name": "rf", "readout": "molecule"}, "model: rf gives no scalars"),
        ({"radius": torch.ones(())}, "radius: a Tensor cannot be written"),
    ],
)
def test_what_cannot_be_made_is_said(options, said):
    with pytest.raises(InputError, match=said):
        PretrainedModel(**{"name": "egnn", "scalar_dim": 4, **options})


def test_broken_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"is no folder; give one, USER/NAME on the hub, or one of: prot"):
        PretrainedModel.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"has no config.json"):
        PretrainedModel.from_pretrained(tmp_path)
    pretrained("egnn").save_pretrained(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    good = json.loads(config.read_text())
    for text in ("{", "[1]", "{}", '{"name": "egnn"}', "\x00"):
        config.write_text(text)
        with pytest.raises(InputError):
            PretrainedModel.from_pretrained(tmp_path)
    write_json(config, {**good, "readout": "residue", "readout_dropout": 2})
    with pytest.raises(InputError, match=r"config.json describes no model \(dropout"):
        PretrainedModel.from_pretrained(tmp_path)
    write_json(config, {**good, "hidden_dim": 16})
    with pytest.raises(InputError, match=r"no weights of the model in config.json"):
        PretrainedModel.from_pretrained(tmp_path)
    write_json(config, good)
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"model.safetensors: no weights"):
        PretrainedModel.from_pretrained(tmp_path)
    weights.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(InputError):
        PretrainedModel.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(InputError):
        PretrainedModel.from_pretrained(tmp_path)
    assert not (tmp_path / "ran").exists()


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        pretrained("egnn").save_pretrained(tmp_path / "file")


def test_the_shipped_model_is_small_and_says_where_it_is_from():
    folder = shipped()["protein-md-demo"]
    assert sum(f.stat().st_size for f in folder.iterdir()) < 2e6
    summary = json.loads((folder / "summary.json").read_text())
    card = (folder / "README.md").read_text()
    pytest.importorskip("yaml")
    assert card_details(RunDirectory(folder)).partition("## Data")[0] in card
    assert f"| model | {summary['test']['model']['mse']:.4f} |" in card
    assert "under that package's licence" in card
    assert summary["test"]["model"]["mse"] < summary["test"]["atom_mean_displacement"]["mse"]


def test_the_shipped_model_has_the_error_that_its_card_says():
    pytest.importorskip("MDAnalysisTests")
    from geometric_hyena.training.train import evaluate

    folder = shipped()["protein-md-demo"]
    _, evaluation = evaluate(RunDirectory(folder))
    said = json.loads((folder / "summary.json").read_text())["test"]["model"]["mse"]
    assert evaluation.metrics["test"]["model"]["mse"] == pytest.approx(said, rel=1e-3)


def test_the_shipped_model_predicts_displacements():
    model = PretrainedModel.from_pretrained("protein-md-demo")
    generator = torch.Generator().manual_seed(0)
    graph = GeometricGraph(
        torch.randn(30, 44, generator=generator),
        10 * torch.randn(30, 3, generator=generator),
        torch.randn(30, 1, 3, generator=generator),
    )
    with torch.no_grad():
        assert model(collate([graph])).shape == (30, 3)
