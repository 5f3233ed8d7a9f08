"""A predictor whose model is streamed: for molecules that do not fit into memory."""

import torch
from torch import Tensor

from geometric_hyena.geometry.graph import GeometricBatch
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.readouts import VectorReadout
from geometric_hyena.streaming import check_streams, stream
from geometric_hyena.training.task import Predictor

_BLOCK = 1 << 14


class StreamedPredictor(Predictor):
    """Predicts what `predictor` does, within a memory budget and without gradients.

    Readouts per token go through the output a block of tokens at a time. The others are given all of it,
    mapped from disk; the budget counts it as held.

    Args:
        predictor: a GeometricHyena with a readout; it is moved to the CPU.
        memory: bytes that the process may hold altogether.

    Raises:
        InputError: for a model that cannot be streamed.
    """

    def __init__(self, predictor: Predictor, memory: int):
        super().__init__(predictor.model.cpu(), predictor.readout.cpu())
        self.memory = memory
        check_streams(self.model)

    def with_auxiliary(self, batch: GeometricBatch) -> tuple[Tensor, None]:
        """The prediction; nothing is added to a loss.

        Raises:
            InputError: for a budget that cannot be met.
        """
        per_token = isinstance(self.readout, VectorReadout)
        width = 0 if per_token else next(self.model.parameters()).element_size() * self._width()
        output = stream(self.model, batch, self.memory, extra=width)
        if not per_token:
            return self.readout(output, batch), None
        parts = []
        for start in range(0, len(output.positions), _BLOCK):
            fields = (output.scalars, output.vectors, output.positions)
            parts.append(self.readout(GeometricOutput(*(x[start : start + _BLOCK] for x in fields)), batch))
        return torch.cat(parts), None

    def _width(self) -> int:
        model = check_streams(self.model)
        return model.embed.to_scalars.out_features + 3 * model.embed.to_vectors.out_features
