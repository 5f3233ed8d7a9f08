"""Checksums of checkpoints."""

import zipfile

import pytest
import torch

from geometric_hyena.errors import InputError
from geometric_hyena.files import check_zip


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
