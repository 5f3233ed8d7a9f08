"""Which packages a part needs, and which of them this Python has not."""

from collections.abc import Iterable
from importlib.util import find_spec

# What is imported: what pip calls it, where that is something else.
_PIP = {
    "RNA": "viennarna",
    "docstring_parser": "docstring-parser",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
}

TESTS = ("pytest", "hypothesis", "safetensors")
TRAINING = ("lightning", "jsonargparse", "docstring_parser", "yaml", "rich", "matplotlib")


def missing_packages(needed: Iterable[str]) -> list[str]:
    """Those that are not installed, as pip calls them."""
    return [_PIP.get(name, name) for name in needed if find_spec(name) is None]
