"""Nothing but `ghyena data` goes to the network: importing, training, judging and predicting do not."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.small_runs import train_words

# An audit hook sees what Python and its libraries ask of the network, below any module of theirs.
GUARD = """
import sys
asked = []
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        address = arguments[-1] if event == "socket.connect" else arguments
        if not isinstance(address, (str, bytes)):  # a path: sockets between the processes of one machine
            asked.append((event, str(arguments)))
            raise OSError(f"the network was asked for: {event} {arguments}")
sys.addaudithook(guard)
"""
IMPORTS = """
import importlib, pkgutil, geometric_hyena
for module in pkgutil.walk_packages(geometric_hyena.__path__, "geometric_hyena."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            print(module.name, error)
"""
VERBS = """
from geometric_hyena.cli import main
for words in {verbs!r}:
    assert main(words) == 0, words
"""
REPORT = """
print("asked for:", asked)
sys.exit(len(asked))
"""


def run(code, folder):
    done = subprocess.run(
        [sys.executable, "-c", GUARD + code + REPORT], cwd=folder, capture_output=True, text=True
    )
    return done.returncode, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_guard_sees_what_is_asked(tmp_path):
    """Else the test below would prove nothing."""
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: pass\n"
    status, said = run(code, tmp_path)
    assert status > 0, said
    code = "import urllib.request\ntry: urllib.request.urlopen('http://example.org')\nexcept OSError: pass\n"
    status, said = run(code, tmp_path)
    assert status > 0, said


def test_importing_training_judging_and_predicting(tmp_path):
    datafiles = pytest.importorskip("MDAnalysisTests.datafiles")
    verbs = [
        ["models"],
        train_words("run", "--data.velocities", "false", epochs=1, stride=32),
        ["evaluate", "run"],
        ["predict", "run", str(Path(datafiles.PDB_small)), "--out", "out"],
    ]
    status, said = run(IMPORTS + VERBS.format(verbs=verbs), tmp_path)
    assert status == 0, said
    assert "asked for: []" in said
    assert (tmp_path / "out" / "predicted.pdb").is_file()
