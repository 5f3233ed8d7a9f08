"""A model whose tokens are put in another order first, for tokens that have none of their own."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geometric_hyena.errors import InputError
from geometric_hyena.geometry.neighbors import Neighbors
from geometric_hyena.geometry.ordering import along_axis, along_curve, displaced
from geometric_hyena.models.geometric_hyena import GeometricOutput

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

Order = Callable[[Tensor], Tensor]


class Serialised(nn.Module):
    """Reorders the tokens of each sequence, runs a model, and gives its outputs in the given order back.

    Args:
        model: the model.
        order: "natural", as given; "axis" and "curve", made from the positions (see `geometry.ordering`);
            "random", drawn anew each time; or "displaced:F", in which a random fraction F of the tokens
            changes places. In evaluation what is random is drawn from a fixed seed.
    """

    def __init__(self, model: nn.Module, order: str):
        super().__init__()
        check_order(order)
        self.model, self.order = model, order

    def forward(self, batch: "GeometricBatch") -> GeometricOutput:
        """Outputs in the order of the batch."""
        order = self._permutation(batch).to(batch.positions.device)
        out = self.model(reordered(batch, order))
        inverse = order.argsort()
        moved = (x[inverse] for x in (out.scalars, out.vectors, out.positions))
        return GeometricOutput(*moved, auxiliary=out.auxiliary)

    def _permutation(self, batch: "GeometricBatch") -> Tensor:
        generator = torch.Generator()
        parts, first = [], 0
        for positions in batch.split(batch.positions.detach()):
            # In evaluation each sequence has its own, whatever shares its batch.
            generator.manual_seed(int(torch.randint(2**62, ())) if self.training else 0)
            parts.append(first + self._order_of(positions.cpu(), generator))
            first += len(positions)
        return torch.cat(parts)

    def _order_of(self, positions: Tensor, generator: torch.Generator) -> Tensor:
        if self.order == "axis":
            return along_axis(positions)
        if self.order == "curve":
            return along_curve(positions)
        fraction = {"natural": 0.0, "random": 1.0}.get(self.order)
        fraction = float(self.order.removeprefix("displaced:")) if fraction is None else fraction
        return displaced(len(positions), fraction, generator)


def reordered(batch: "GeometricBatch", order: Tensor) -> "GeometricBatch":
    """A batch with its packed tokens in another order, (T,); token i of the result is token order[i]."""
    inverse = order.argsort()
    table = batch.neighbors
    neighbors = Neighbors(inverse[table.index[order]], table.mask[order])
    taken = {
        name: value[order]
        for name in ("scalars", "positions", "vectors", "edge_features")
        if (value := getattr(batch, name)) is not None
    }
    return replace(batch, neighbors=neighbors, **taken)


def check_order(order: str, name: str = "order") -> None:
    """Raise InputError, naming what there is, unless `order` is one that `Serialised` knows."""
    if order in ("natural", "axis", "curve", "random"):
        return
    try:
        known = order.startswith("displaced:") and 0 <= float(order.removeprefix("displaced:")) <= 1
    except ValueError:
        known = False
    if not known:
        raise InputError(
            f"{name}: expected natural, axis, curve, random or displaced:F with F from 0 to 1, got '{order}'"
        )
