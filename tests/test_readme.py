"""The README's Python runs as it stands there."""

import re
from pathlib import Path

import pytest
import torch

from geometric_hyena import GeometricGraph

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def blocks():
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_python_blocks_run_one_after_the_other(blocks):
    assert len(blocks) == 4
    names = {
        "q": torch.randn(2, 9, 4, 3),
        "k": torch.randn(2, 9, 4, 3),
        "lengths": torch.tensor([9, 5]),
        "graph_in_float64": GeometricGraph(
            torch.randn(30, 20, dtype=torch.float64), 5 * torch.randn(30, 3, dtype=torch.float64)
        ),
    }
    for block in blocks:
        exec(block, names)
    assert names["out"].positions.shape == (1710, 3)
    assert names["u"].shape == (2, 9, 4, 3)
