"""Runs of a sweep in this process: a second each, where starting Python takes several."""

import contextlib
import io
import subprocess
from pathlib import Path
from types import SimpleNamespace

from geometric_hyena.reproduce import runner
from training.small_runs import ghyena


def started_here(monkeypatch):
    """Let jobs run where they are started; returns a list that grows by (words, environment) of each."""
    commands = []

    class Ended:
        """A process that has ended: its words were run as it was made."""

        pid = 0

        def __init__(self, command, *, env, **rest):
            commands.append((command[3:], env))
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                ghyena(*command[3:])
            Path(rest["stdout"].name).write_text(said.getvalue())

        def poll(self):
            return 0

    monkeypatch.setattr(runner, "_LOOK_EVERY", 0.0)
    there = SimpleNamespace(Popen=Ended, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr(runner, "subprocess", there)
    return commands
