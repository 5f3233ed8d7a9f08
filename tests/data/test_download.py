"""Downloads from a server of this machine: whole, broken off, wrong, missing."""

import hashlib
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("pooch")

from geometric_hyena.data.download import cache_directory, fetch
from geometric_hyena.data.protein_md import adk_equilibrium
from geometric_hyena.errors import InputError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; `server.limit` bytes at most, with Range where `server.ranges`."""

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if self.path != "/file":
            self.send_error(404)
            return
        first = 0
        if server.ranges and self.headers.get("Range"):
            first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if first >= len(CONTENT):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) - first))
        self.end_headers()
        self.wfile.write(CONTENT[first : server.limit])

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.limit, http.ranges, http.asked = None, True, []
        http.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def refusal(*arguments) -> str:
    with pytest.raises(InputError) as caught:
        fetch(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_whole(server, tmp_path):
    path = fetch(f"{server.url}/file", SHA256, tmp_path / "new", "data.bin")
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["data.bin"]
    assert fetch(f"{server.url}/file", SHA256, tmp_path / "new", "data.bin") == path
    assert len(server.asked) == 1  # what is there is not asked for again


@pytest.mark.parametrize("ranges", [True, False])
def test_broken_off_and_resumed(server, tmp_path, ranges):
    server.limit, server.ranges = len(CONTENT) // 2, ranges
    text = refusal(f"{server.url}/file", SHA256, tmp_path, "data.bin")
    kept = (tmp_path / "data.bin.part").read_bytes()
    assert CONTENT.startswith(kept)
    assert len(kept) > len(CONTENT) // 3
    assert f"run again to go on after the {len(kept)} bytes" in text
    assert [p.name for p in tmp_path.iterdir()] == ["data.bin.part"]
    server.limit = None
    assert fetch(f"{server.url}/file", SHA256, tmp_path, "data.bin").read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={len(kept)}-"]
    assert [p.name for p in tmp_path.iterdir()] == ["data.bin"]


def test_a_whole_part_is_taken(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    assert fetch(f"{server.url}/file", SHA256, tmp_path, "data.bin").read_bytes() == CONTENT


def test_a_part_of_another_file_is_dropped(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT + b"more")
    assert "were not of this file; run again" in refusal(f"{server.url}/file", SHA256, tmp_path, "data.bin")
    assert fetch(f"{server.url}/file", SHA256, tmp_path, "data.bin").read_bytes() == CONTENT


def test_wrong_hash_leaves_nothing(server, tmp_path):
    text = refusal(f"{server.url}/file", "0" * 64, tmp_path, "data.bin")
    assert "another sha256" in text
    assert "0" * 64 in text
    assert list(tmp_path.iterdir()) == []


def test_a_kept_file_that_was_damaged_is_told_and_fetched_again(server, tmp_path):
    import pooch

    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    pooch.get_logger().addHandler(handler)
    path = fetch(f"{server.url}/file", SHA256, tmp_path, "data.bin")
    try:
        for damaged in (CONTENT[:-7], CONTENT[:9] + b"?" + CONTENT[10:], b""):
            path.write_bytes(damaged)
            told.clear()
            assert fetch(f"{server.url}/file", SHA256, tmp_path, "data.bin") == path
            assert path.read_bytes() == CONTENT
            assert any(text.startswith("Updating data") and str(path) in text for text in told)
    finally:
        pooch.get_logger().removeHandler(handler)


def test_missing_file(server, tmp_path):
    text = refusal(f"{server.url}/gone", SHA256, tmp_path, "data.bin")
    assert "404" in text
    assert f"fetch it by hand from {server.url}/gone and put it at {tmp_path / 'data.bin'}" in text
    assert SHA256 in text


def test_no_server(tmp_path):
    text = refusal("http://127.0.0.1:9/file", SHA256, tmp_path, "data.bin")
    assert "connection refused" in text


def test_cache_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("GHYENA_CACHE")
    assert cache_directory().name == "geometric-hyena"


def test_adk_equilibrium(server, tmp_path, monkeypatch):
    files = dict.fromkeys(adk_equilibrium.FILES, (f"{server.url}/file", SHA256))
    monkeypatch.setattr(adk_equilibrium, "FILES", files)
    monkeypatch.setenv("GHYENA_CACHE", str(tmp_path))
    psf, dcd = adk_equilibrium.download_adk_equilibrium()
    assert psf == tmp_path / "adk_equilibrium" / "adk4AKE.psf"
    assert dcd.suffix == ".dcd"
