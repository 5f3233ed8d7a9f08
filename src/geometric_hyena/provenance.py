"""Where a result came from: command, commit, versions, hardware."""

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def environment() -> dict[str, Any]:
    """Versions, hardware and commit that a result came from."""
    import torch

    from geometric_hyena.version import __version__

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "geometric_hyena": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": _installed("numba"),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cpu_cores": os.cpu_count(),
        "gpu": device,
    }


def command_line() -> str:
    """The command that is running, as one would type it."""
    return shlex.join(["ghyena", *sys.argv[1:]])


def _commit() -> str | None:
    """Commit of the source tree this package is run from, marked where files were changed; None elsewhere."""
    folder = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None if described.returncode == 0 else None


def _installed(package: str) -> str | None:
    """Version of a package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Model name of the processor as Linux gives it, else what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
