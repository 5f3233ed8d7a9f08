"""Files that carry code are refused, and nothing of it runs."""

import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fuzz.runs import UNFINISHED, finished
from geometric_hyena.data.kept_arrays import read_kept
from training.small_runs import ghyena


class Trap:
    """An object whose unpickling makes a folder."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run; read only."""
    return finished(tmp_path_factory.mktemp("no-code"))


@pytest.fixture
def own(run, tmp_path):
    """A copy of it, to put a trap into."""
    return shutil.copytree(run, tmp_path / "run")


@pytest.fixture
def trap(tmp_path):
    trap = Trap(tmp_path / "sprung")
    yield trap
    assert not trap.marker.exists()


def unfinished(run):
    for name in UNFINISHED:
        (run / name).unlink()
    return run


def one_line(capsys):
    said = capsys.readouterr().err
    assert said.startswith("ghyena: ")
    assert said.count("\n") == 1
    return said


def test_the_trap_works(tmp_path):
    """Else the tests below would prove nothing."""
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()
    torch.save({"state_dict": Trap(tmp_path / "again")}, tmp_path / "a.ckpt")
    torch.load(tmp_path / "a.ckpt", weights_only=False)
    assert (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("place", ["in the weights", "beside the weights", "bare"])
def test_checkpoints(own, trap, name, place, capsys):
    path = unfinished(own) / "checkpoints" / name
    if place == "bare":
        path.write_bytes(pickle.dumps(trap))
    else:
        content = torch.load(path, weights_only=True)
        content["state_dict" if place == "in the weights" else "callbacks"] = trap
        torch.save(content, path)
    assert ghyena("train", "--resume", own) == 2
    assert f"{name}: is broken or of another model" in one_line(capsys)


def test_weights_are_safetensors_and_nothing_else(own, trap, capsys):
    assert load_file(own / "model.safetensors")
    (own / "model.safetensors").write_bytes(pickle.dumps(trap))
    assert ghyena("evaluate", own) == 2
    assert "model.safetensors: cannot be read as safetensors" in one_line(capsys)
    torch.save(trap, own / "model.safetensors")
    assert ghyena("evaluate", own) == 2
    assert "model.safetensors: cannot be read as safetensors" in one_line(capsys)


TAGS = (
    "!!python/object/apply:os.mkdir [{marker}]",
    "!!python/object/new:os.mkdir [{marker}]",
    "!!python/name:os.mkdir",
)


@pytest.mark.parametrize("tag", TAGS)
def test_configurations(own, trap, tag, capsys):
    config = own / "config.yaml"
    config.write_text(config.read_text() + "more: " + tag.format(marker=trap.marker) + "\n")
    assert ghyena("evaluate", own) == 2
    assert "config.yaml" in one_line(capsys)
    assert ghyena("train", "recall", "--config", config, "--out", own.parent / "new") == 2
    one_line(capsys)
    assert not (own.parent / "new").exists()


def test_entries_of_a_cache(trap, tmp_path):
    """Arrays of objects are pickles inside; such an entry counts as broken, and is made anew."""
    path = tmp_path / "entry.npz"
    names = ("coordinates", "positions", "velocities", "charges")
    np.savez(path, **{name: np.array([trap], dtype=object) for name in names})
    assert zipfile.is_zipfile(path)
    assert read_kept(path) is None
    path.write_bytes(pickle.dumps(trap))
    assert read_kept(path) is None
