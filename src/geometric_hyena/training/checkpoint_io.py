"""How Lightning writes a checkpoint: where it is told to, and nowhere else."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO


class PlainCheckpointIO(TorchCheckpointIO):
    """Lightning's own goes through a file in /tmp, which stays there when the process is killed.

    Every error is an OSError: torch's writer makes others of a full disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; callers give a path beside its place, and replace the old one by it."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())
