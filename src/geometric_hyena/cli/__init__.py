"""The command line."""

from geometric_hyena.cli.main import main

__all__ = ["main"]
