"""Files of our own: JSON, and checksums of checkpoints."""

import json
import zipfile

import pytest
import torch

from geometric_hyena.errors import InputError
from geometric_hyena.files import check_zip, write_json


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"weight": torch.arange(64.0)}, "epoch": 3}, path)
    return path


def test_a_whole_checkpoint_passes(checkpoint):
    check_zip(checkpoint)


def test_a_bit_that_pytorch_does_not_miss(checkpoint):
    """PyTorch reads the checkpoint, and another number."""
    content = bytearray(checkpoint.read_bytes())
    place = content.index(torch.arange(64.0).numpy().tobytes()) + 4 * 40
    content[place] ^= 1
    checkpoint.write_bytes(content)
    found = torch.load(checkpoint, weights_only=True)["state_dict"]["weight"]
    assert not torch.equal(found, torch.arange(64.0))
    with pytest.raises(InputError, match=r"last\.ckpt: .*data/0 is not what was written"):
        check_zip(checkpoint)


def test_no_archive(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"nonsense")
    with pytest.raises(zipfile.BadZipFile):
        check_zip(tmp_path / "last.ckpt")


def test_numbers_that_json_does_not_know_become_null(tmp_path):
    write_json(tmp_path / "a.json", {"r2": float("nan"), "all": [1, (2.5, float("inf"))], "name": "NaN"})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text, parse_constant=lambda _: pytest.fail("no JSON")) == {
        "r2": None,
        "all": [1, [2.5, None]],
        "name": "NaN",
    }
