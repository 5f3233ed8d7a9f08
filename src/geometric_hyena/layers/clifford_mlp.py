"""Clifford perceptrons: layers on multivectors of Cl(3, 0) that commute with rotations and reflections.

    y^(k) = W_k x^(k) + sum over paths (i, j -> k) of w_ijk <x^(i) z^(j)>_k,    z = norm(V x)

The geometric linear layer mixes channels grade by grade; the geometric product multiplies each multivector
with a linear map of them all, with a learned weight for every way in which two grades make a third (Ruhe et
al., Clifford Group Equivariant Neural Networks, 2023). Grades that scalars and vectors cannot reach in the
given number of products, or that nobody asks for, are not computed and have no weights.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from geometric_hyena.geometry.clifford import PRODUCT_PATHS, path_product

# By grade: (T, blades of the grade, channels). Channels last, so that maps and products run over them.
Multivectors = dict[int, Tensor]

PRODUCTS = ("steerable", "fully_connected")

# More tokens than this are worked on so many at a time, and computed again in the backward pass: their
# multivectors would take many times the memory of the tokens themselves.
CHUNK = 4096


class GeometricLinear(nn.Module):
    """Mix channels grade by grade; only scalars may have a bias.

    Args:
        inputs: channels of each incoming grade.
        outputs: channels of each outgoing grade; grades that do not come in have no map.
        bias: whether scalars have one.
    """

    def __init__(self, inputs: Mapping[int, int], outputs: Mapping[int, int], *, bias: bool = True):
        super().__init__()
        self.grades = [grade for grade in outputs if grade in inputs]
        self.maps = nn.ModuleList(
            nn.Linear(inputs[grade], outputs[grade], bias=bias and grade == 0) for grade in self.grades
        )

    def forward(self, x: Multivectors) -> Multivectors:
        """Channels `inputs` -> channels `outputs`."""
        return {grade: linear(x[grade]) for grade, linear in zip(self.grades, self.maps, strict=True)}


class GradeNorm(nn.Module):
    """Divide each channel's grade by 1 + sigmoid(a) (|x| - 1), a learned mix of one and its norm."""

    def __init__(self, channels: int, grades: Sequence[int], eps: float = 1e-6):
        super().__init__()
        self.grades, self.eps = grades, eps
        self.strength = nn.Parameter(torch.zeros(len(grades), channels))

    def forward(self, x: Multivectors) -> Multivectors:
        """Same shapes."""
        normed = {}
        for grade, strength in zip(self.grades, torch.sigmoid(self.strength), strict=True):
            norm = (x[grade].square().sum(dim=1, keepdim=True) + self.eps**2).sqrt()
            normed[grade] = x[grade] / (1 + strength * (norm - 1))
        return normed


class MultivectorNorm(nn.Module):
    """Divide a token's multivectors by the root mean square of their norms; a learned scale per channel."""

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Multivectors) -> Multivectors:
        """Same shapes."""
        squares = torch.cat([part.square() for part in x.values()], dim=1)
        mean_square = squares.sum(dim=1, keepdim=True).mean(dim=2, keepdim=True)
        scale = (mean_square + self.eps).rsqrt() * self.weight
        return {grade: part * scale for grade, part in x.items()}


class GeometricProduct(nn.Module):
    """First-order and product terms of the module's equation.

    Args:
        channels: W, incoming and outgoing.
        grades: those that come in.
        out_grades: those wanted.
        product: "steerable", one weight per path and channel, or "fully_connected", one per path and pair of
            channels.
    """

    def __init__(self, channels: int, grades: Sequence[int], out_grades: Sequence[int], product: str):
        super().__init__()
        if product not in PRODUCTS:
            raise ValueError(f"product: expected one of {', '.join(PRODUCTS)}, got '{product}'")
        incoming = dict.fromkeys(grades, channels)
        self.left = GeometricLinear(incoming, dict.fromkeys(out_grades, channels))
        self.right = GeometricLinear(incoming, incoming, bias=False)
        self.norm = GradeNorm(channels, grades)
        self.paths = [
            path
            for path in PRODUCT_PATHS
            if path.left in grades and path.right in grades and path.out in out_grades
        ]
        self.fully_connected = product == "fully_connected"
        shape = (channels, channels) if self.fully_connected else (channels,)
        terms = len(self.paths) / len(out_grades) * (channels if self.fully_connected else 1)
        self.weights = nn.Parameter(torch.randn(len(self.paths), *shape) * terms**-0.5)

    def forward(self, x: Multivectors) -> Multivectors:
        """Grades `grades` -> grades `out_grades`, W channels."""
        right = self.norm(self.right(x))
        out = self.left(x)
        for weight, path in zip(self.weights, self.paths, strict=True):
            product = path_product(x[path.left], right[path.right], path, dim=1)
            product = product @ weight if self.fully_connected else product * weight
            out[path.out] = out[path.out] + product if path.out in out else product
        return out


class CliffordMLP(nn.Module):
    """Clifford perceptron of scalars and vectors, token by token: O(3)-equivariant.

    Scalars are embedded as grade 0 and vectors as grade 1; a geometric linear layer, `layers` geometric
    products, each followed by a normalisation, and a linear map of the grades 0 and 1 of the result.

    Args:
        scalars: incoming scalar channels.
        vectors: incoming vector channels.
        out_scalars: outgoing scalar channels.
        out_vectors: outgoing vector channels; 0 for none.
        width: W, channels of multivectors.
        layers: number of geometric products; bivectors take part from 2 on, pseudoscalars from 3 on.
        product: "steerable" or "fully_connected", see `GeometricProduct`.

    Raises:
        ValueError: for a product of another name.
    """

    def __init__(
        self,
        scalars: int,
        vectors: int,
        out_scalars: int,
        out_vectors: int,
        *,
        width: int,
        layers: int = 1,
        product: str = "steerable",
    ):
        super().__init__()
        outputs = {0: out_scalars, 1: out_vectors} if out_vectors else {0: out_scalars}
        grades = [0, 1]
        self.embed = GeometricLinear({0: scalars, 1: vectors}, dict.fromkeys(grades, width))
        self.products = nn.Sequential()
        for layer in range(layers):
            reached = sorted({p.out for p in PRODUCT_PATHS if p.left in grades and p.right in grades})
            out_grades = list(outputs) if layer == layers - 1 else reached
            self.products.append(GeometricProduct(width, grades, out_grades, product))
            self.products.append(MultivectorNorm(width))
            grades = out_grades
        self.project = GeometricLinear(dict.fromkeys(grades, width), outputs)

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(T, scalars), (T, vectors, 3) -> (T, out_scalars), (T, out_vectors, 3)."""
        if len(scalars) <= CHUNK:
            return self._all_at_once(scalars, vectors)
        parts = [
            checkpoint(self._all_at_once, *chunk, use_reentrant=False, preserve_rng_state=False)
            for chunk in zip(scalars.split(CHUNK), vectors.split(CHUNK), strict=True)
        ]
        return torch.cat([s for s, _ in parts]), torch.cat([v for _, v in parts])

    def _all_at_once(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embed({0: scalars[:, None], 1: vectors.transpose(1, 2)})
        out = self.project(self.products(x))
        return out[0][:, 0], out[1].transpose(1, 2) if 1 in out else vectors[:, :0]
