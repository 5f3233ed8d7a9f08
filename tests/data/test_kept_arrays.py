"""Arrays kept on disk: as they were, or made again; never others."""

import errno
import os
import random

import numpy as np
import pytest

from geometric_hyena.data.kept_arrays import read_all_kept, read_kept, write_kept
from geometric_hyena.errors import WriteError

ARRAYS = {
    "positions": np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32),
    "charges": np.array([1, -1, 1], dtype=np.int8),
    "empty": np.zeros((0, 3)),
}


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "folder" / "kept.npz"
    write_kept(path, ARRAYS)
    return path


def same(found) -> bool:
    return found.keys() == ARRAYS.keys() and all(
        found[name].dtype == array.dtype and np.array_equal(found[name], array)
        for name, array in ARRAYS.items()
    )


def test_what_is_written_is_read(kept, caplog):
    assert same(read_kept(kept))
    assert [path.name for path in kept.parent.iterdir()] == ["kept.npz"]
    assert read_kept(kept.with_name("other.npz")) is None
    assert not caplog.records
    with np.load(kept) as file:  # an npz file like any other
        assert np.array_equal(file["charges"], ARRAYS["charges"])


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Some bits flipped, or cut off, or a piece of zeros as a disk leaves it, or bytes added."""
    changed = bytearray(content)
    place = chance.randrange(len(changed))
    kind = chance.choice(["flip", "flip", "cut", "zeros", "more"])
    if kind == "flip":
        for _ in range(chance.choice([1, 1, 2, 8, 40])):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del changed[place:]
    elif kind == "zeros":
        changed[place : place + 64] = bytes(len(changed[place : place + 64]))
    else:
        changed[place:place] = chance.randbytes(9)
    return bytes(changed)


@pytest.mark.filterwarnings("ignore:.*")  # zip and numpy wonder aloud
def test_damaged_files_are_told_and_never_read_as_others(kept, caplog):
    content, chance, refused = kept.read_bytes(), random.Random(0), 0
    for case in range(400):
        kept.write_bytes(damaged(content, chance))
        caplog.clear()
        found = read_kept(kept)
        assert (found is None) == bool(caplog.records), case
        if found is None:
            refused += 1
            assert f"{kept}: is damaged" in caplog.text
            assert "made again" in caplog.text
        else:
            assert same(found), case  # what was damaged means nothing, such as a time
    assert refused > 200


def test_arrays_of_another_file_under_its_directory(kept):
    """Each array is whole by the checksum of the archive; together they are not what was kept."""
    np.savez(kept, **{**dict(np.load(kept)), "charges": np.array([1, 1, 1], dtype=np.int8)})
    assert read_kept(kept) is None


def test_files_of_an_earlier_version_are_told_in_one_line(tmp_path, caplog):
    """They hold no checksum."""
    old = [tmp_path / f"{number}.npz" for number in range(3)]
    for path in old:
        np.savez(path, **ARRAYS)
    whole = tmp_path / "whole.npz"
    write_kept(whole, ARRAYS)
    read = read_all_kept([old[0], whole, tmp_path / "none.npz", *old[1:]])
    assert list(read) == [whole]
    assert same(read[whole])
    (told,) = caplog.messages
    assert told == f"ghyena: {tmp_path}: 3 files of an earlier version, made again"


def test_a_full_disk(kept, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError, match=r"No space left on device\); make room there.*GHYENA_CACHE"):
        write_kept(kept, {"other": np.zeros(3)})
    assert [path.name for path in kept.parent.iterdir()] == ["kept.npz"]
    assert same(read_kept(kept))
