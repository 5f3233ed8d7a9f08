"""Machine code kept on disk: as it was, or compiled again; never a crash, never other code."""

import errno
import gc
import importlib
import io
import os
import sys

import pytest

pytest.importorskip("numba")

from geometric_hyena.operators import kernel_cache


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Compile the same small function, as a new process would; gives how often the disk had it."""
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "small.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "small", raising=False)
    module = importlib.import_module("small")

    def run() -> int:
        gc.collect()  # a new process has nothing left of the function compiled before
        kernel = kernel_cache.kept(numba.njit(module.twice))
        assert kernel(21) == 42
        return sum(kernel.stats.cache_hits.values())

    return run


def test_compiled_once(compiled, caplog):
    assert compiled() == 0
    assert compiled() == 1
    assert not caplog.records


def test_who_waits_at_a_terminal_is_told_once(compiled, monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    kernel_cache._announce.cache_clear()
    assert [compiled(), compiled()] == [0, 1]
    assert caplog.text.count("compiling kernels") == 1


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_damaged_files_are_told_and_made_again(compiled, tmp_path, caplog, kind):
    compiled()
    (path,) = (tmp_path / "cache").rglob(f"*.{kind}")
    content = path.read_bytes()
    places = [len(content) // 2, len(content) - 40]
    flipped = [content[:n] + bytes([content[n] ^ 4]) + content[n + 1 :] for n in places]
    for damaged in (b"", content[: len(content) // 2], *flipped):
        path.write_bytes(damaged)
        caplog.clear()
        hits = compiled()
        told = "twice: its kept machine code is damaged" in caplog.text
        # A flipped bit of the index may also say that there is no such code, or mean nothing.
        assert told == (hits == 0) or (kind == "nbi" and damaged in flipped)
        assert compiled() == 1


def test_a_full_disk_is_told_once(compiled, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kernel_cache._tell_once.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert compiled() == 0
        assert compiled() == 0
    assert caplog.text.count("machine code cannot be kept in") == 1
    assert "No space left on device" in caplog.text
    kernel_cache._tell_once.cache_clear()


def test_a_change_of_what_is_inlined_from_another_file_is_seen(tmp_path, monkeypatch):
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "two_files"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "whole.py").write_text(
        "from two_files.part import changed\n\n\ndef whole(x):\n    return 10 * changed(x)\n"
    )

    def run(constant: int) -> int:
        (package / "part.py").write_text(
            f"import numba\n\n\n@numba.njit\ndef changed(x):\n    return x + {constant}\n"
        )
        for name in ("two_files", "two_files.part", "two_files.whole"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        kernel = kernel_cache.kept(numba.njit(importlib.import_module("two_files.whole").whole))
        value = kernel(1)
        assert value == 10 * (1 + constant)
        return sum(kernel.stats.cache_hits.values())

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [run(1), run(1), run(2)] == [0, 1, 0]
