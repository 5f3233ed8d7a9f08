"""`ghyena publish`: a run becomes a folder to hand on."""

import json

import pytest
import torch

from geometric_hyena.cli import main


def test_a_run_is_published_with_its_card(still_run, tmp_path, capsys):
    hub = pytest.importorskip("geometric_hyena.hub")
    from safetensors.torch import load_file

    folder = tmp_path / "handed on"
    assert main(["publish", str(still_run), "--out", str(folder), "--note", "From nowhere."]) == 0
    assert f"published: {folder}" in capsys.readouterr().out
    model = hub.PretrainedModel.from_pretrained(folder)
    weights = load_file(still_run / "model.safetensors")
    assert model.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in weights.items())
    card, summary = (folder / "README.md").read_text(), json.loads((still_run / "summary.json").read_text())
    assert f"| model | {summary['test']['model']['mse']:.4f} |" in card
    assert summary["command"] in card
    assert "From nowhere." in card
    assert 'from_pretrained("handed on")' in card
    assert main(["publish", str(still_run), "--out", str(folder)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "expected one run and --out FOLDER"),
        (["nowhere", "--to", "x"], "unknown option --to"),
        (["nowhere", "--out", "never-made"], "is no run directory"),
    ],
)
def test_what_cannot_be_published_is_said(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["publish", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
