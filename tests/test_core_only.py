"""The core works with torch, numpy, scipy and safetensors alone."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "packaging" / "core_only.py"


def run(*options):
    return subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True)


def test_core_works_where_nothing_else_can_be_imported():
    done = run("--block")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("core ")


def test_the_check_sees_an_environment_with_more():
    """It must be able to fail: without the block this environment has the hub's package."""
    import pytest

    pytest.importorskip("huggingface_hub")
    done = run()
    assert done.returncode != 0
    assert "not the core's" in done.stderr
