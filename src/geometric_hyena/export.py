"""A model as a program of PyTorch's own operators, which runs where this package is not installed.

The lengths of the sequences, and with them the FFTs, are part of the program: it serves any molecules of the
same lengths, in the same order, with tables of as many neighbours.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from geometric_hyena.errors import InputError
from geometric_hyena.geometry.graph import GeometricBatch
from geometric_hyena.geometry.neighbors import Neighbors
from geometric_hyena.operators.kernels import kernels


class ProgramInputs(NamedTuple):
    """What an exported program takes, in this order: the tensors of a `GeometricBatch`."""

    scalars: Tensor
    positions: Tensor
    index: Tensor
    mask: Tensor
    vectors: Tensor | None
    edge_features: Tensor | None


def program_inputs(batch: GeometricBatch) -> ProgramInputs:
    """The tensors of a batch as a program takes them: `program.module()(*program_inputs(batch))`."""
    table = batch.neighbors
    return ProgramInputs(
        batch.scalars, batch.positions, table.index, table.mask, batch.vectors, batch.edge_features
    )


def export(model: nn.Module, batch: GeometricBatch) -> ExportedProgram:
    """A program that gives a model's scalars (T, D), vectors (T, C, 3), positions (T, 3), without gradients.

    Args:
        model: what it is made of, in evaluation mode, on the batch's device.
        batch: an example of what it is to serve.

    Raises:
        InputError: for a model that PyTorch cannot export.
    """
    if model.training:
        raise InputError("model: an exported program predicts only; call model.eval() first")
    inputs = tuple(program_inputs(batch))
    # The operators write into their results, which PyTorch refuses to weights that take gradients.
    frozen = copy.deepcopy(model).requires_grad_(False)
    try:
        with torch.no_grad(), kernels("torch"):
            frozen(batch)  # what is computed once and kept, Clebsch-Gordan coefficients say, cannot be traced
            # Strict export would stop where `torch.compile` leaves a model to its own kernels.
            return torch.export.export(_FixedLengths(frozen, batch.lengths), inputs, strict=False)
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"model: {type(model).__name__} cannot be exported by torch.export ({reason})"
        ) from error


class _FixedLengths(nn.Module):
    def __init__(self, model: nn.Module, lengths: Tensor):
        super().__init__()
        self.model = model
        # Inside of a list the tracer does not see it, and its numbers stay numbers.
        self.lengths = [lengths]

    def forward(
        self,
        scalars: Tensor,
        positions: Tensor,
        index: Tensor,
        mask: Tensor,
        vectors: Tensor | None,
        edge_features: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        neighbors = Neighbors(index, mask)
        batch = GeometricBatch(scalars, positions, self.lengths[0], neighbors, vectors, edge_features)
        out = self.model(batch)
        return out.scalars, out.vectors, out.positions
