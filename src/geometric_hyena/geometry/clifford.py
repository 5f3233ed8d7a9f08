"""The Clifford algebra Cl(3, 0) of space: multivectors, their grades and the geometric product.

A multivector (..., 8) has the blades 1; e1, e2, e3; e23, e31, e12; e123: grades 0 to 3, which are scalar,
vector, bivector and pseudoscalar. e_i e_i = 1 and e_i e_j = -e_j e_i, so v v = |v|^2 for a vector v.
Bivectors are written in the basis dual to the vectors (e23 = e123 e1, ...): with it, what the product of two
grades has in a third is an ordinary, dot or cross product of their components, up to a sign.

An orthogonal map Q of space turns vectors by Q, bivectors by det(Q) Q and the pseudoscalar by det(Q), and the
geometric product, its restriction to grades included, commutes with that: everything here is
O(3)-equivariant (Ruhe et al., Clifford Group Equivariant Neural Networks, 2023).
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

BLADES = ((), (1,), (2,), (3,), (2, 3), (3, 1), (1, 2), (1, 2, 3))
GRADE_SIZES = (1, 3, 3, 1)


class ProductPath(NamedTuple):
    """The part of grade `out` in the product of a grade `left` with a grade `right`; `sign` of its form."""

    left: int
    right: int
    out: int
    sign: float


def grade_slice(grade: int) -> slice:
    """Where the blades of a grade lie among the eight."""
    start = sum(GRADE_SIZES[:grade])
    return slice(start, start + GRADE_SIZES[grade])


@cache
def cayley_table() -> Tensor:
    """(8, 8, 8) of -1, 0 and 1 in float64: blade a times blade b is the sum over c of table[a, b, c] blade c.

    Shared by all callers: not to be written to.
    """
    table = torch.zeros(8, 8, 8, dtype=torch.float64)
    places = {_reduced(word)[1]: (c, _reduced(word)[0]) for c, word in enumerate(BLADES)}
    for a, left in enumerate(BLADES):
        for b, right in enumerate(BLADES):
            sign, word = _reduced(left + right)
            c, order = places[word]
            table[a, b, c] = sign * order
    return table


def geometric_product(a: Tensor, b: Tensor) -> Tensor:
    """The geometric product of multivectors (..., 8), by the whole Cayley table.

    Raises:
        ValueError: where the last axis is not the eight blades.
    """
    for name, x in (("a", a), ("b", b)):
        if x.shape[-1:] != (8,):
            raise ValueError(f"{name}: expected multivectors (..., 8), got {tuple(x.shape)}")
    return torch.einsum("...a,...b,abc->...c", a, b, cayley_table().to(a))


def embed(components: Tensor, grade: int) -> Tensor:
    """Scalars (..., 1) in grade 0, vectors (..., 3) in grade 1, and so on, as multivectors (..., 8).

    Raises:
        ValueError: where the last axis is not that of the grade.
    """
    if components.shape[-1:] != (GRADE_SIZES[grade],):
        raise ValueError(
            f"components: expected (..., {GRADE_SIZES[grade]}) for grade {grade}, "
            f"got {tuple(components.shape)}"
        )
    place = grade_slice(grade)
    return torch.nn.functional.pad(components, (place.start, 8 - place.stop))


def grade_projection(a: Tensor, grade: int) -> Tensor:
    """The components of one grade, (..., 8) -> (..., 1 or 3)."""
    return a[..., grade_slice(grade)]


def path_product(left: Tensor, right: Tensor, path: ProductPath, dim: int = -1) -> Tensor:
    """The product of two grades' components along one path, without the zeros of the Cayley table.

    Args:
        left: components of grade `path.left` along axis `dim`.
        right: components of grade `path.right`, same shape but for that axis.
        path: one of `PRODUCT_PATHS`.
        dim: the axis of the blades.

    Returns:
        Components of grade `path.out` along axis `dim`.
    """
    if 1 in (left.shape[dim], right.shape[dim]):
        product = left * right
    elif GRADE_SIZES[path.out] == 1:
        product = (left * right).sum(dim, keepdim=True)
    else:
        # Unlike the other two, it does not promote the mixed types of autocast by itself.
        common = torch.promote_types(left.dtype, right.dtype)
        product = torch.linalg.cross(left.to(common), right.to(common), dim=dim)
    return product if path.sign > 0 else -product


def _reduced(word: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """A product of basis vectors in ascending order, squares cancelled, and the sign of sorting it."""
    letters, sign = list(word), 1
    for end in range(len(letters) - 1, 0, -1):
        for i in range(end):
            if letters[i] > letters[i + 1]:
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
                sign = -sign
    return sign, tuple(x for x in sorted(set(letters)) if letters.count(x) % 2)


def _product_paths() -> tuple[ProductPath, ...]:
    paths = []
    for left in range(4):
        for right in range(4):
            for out in range(4):
                block = cayley_table()[grade_slice(left), grade_slice(right), grade_slice(out)]
                if block.any():
                    # Of a cross product, the entry that says e1 x e2 = e3; else the first entry.
                    cross = min(block.shape) == 3
                    paths.append(
                        ProductPath(left, right, out, float(block[0, 1, 2] if cross else block[0, 0, 0]))
                    )
    return tuple(paths)


# The 20 of the 64 triples of grades that the geometric product connects.
PRODUCT_PATHS = _product_paths()
