"""Cl(3, 0) against the axioms of the algebra, quaternions, and O(3)."""

import pytest
import torch

from geometric_hyena.geometry import random_rotation, reflection
from geometric_hyena.geometry.clifford import (
    BLADES,
    GRADE_SIZES,
    PRODUCT_PATHS,
    cayley_table,
    embed,
    geometric_product,
    grade_projection,
    path_product,
)

E = torch.eye(8, dtype=torch.float64)
ONE, E1, E2, E3, E23, E31, E12, E123 = E
VECTORS = (E1, E2, E3)


def random_multivectors(*shape):
    return torch.randn(*shape, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def random_vectors(*shape):
    return torch.randn(*shape, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def transformed(a, Q):
    """A multivector under an orthogonal map, from the images of the three basis vectors alone.

    The map of vectors extends to products: e_i e_j goes to Q(e_i) Q(e_j).
    """
    images = []
    for blade in BLADES:
        image = ONE
        for i in blade:
            image = geometric_product(image, embed(Q[:, i - 1], 1))
        images.append(image)
    return a @ torch.stack(images)


@pytest.fixture(params=["rotation", "reflection", "inversion"])
def orthogonal(request):
    rotation = random_rotation(torch.Generator().manual_seed(2))
    inversion = -torch.eye(3, dtype=torch.float64)
    return {"rotation": rotation, "reflection": rotation @ reflection(), "inversion": inversion}[
        request.param
    ]


def test_product_is_associative_and_bilinear():
    a, b, c = random_multivectors(3, 5)
    abc = geometric_product(geometric_product(a, b), c)
    torch.testing.assert_close(abc, geometric_product(a, geometric_product(b, c)))
    both = geometric_product(a, 2 * b - c)
    torch.testing.assert_close(both, 2 * geometric_product(a, b) - geometric_product(a, c))


def test_one_is_the_unit_and_blades_multiply_to_blades():
    a = random_multivectors(5)
    torch.testing.assert_close(geometric_product(ONE, a), a)
    torch.testing.assert_close(geometric_product(a, ONE.expand_as(a)), a)
    assert torch.equal(cayley_table().abs().sum(dim=2), torch.ones(8, 8, dtype=torch.float64))


def test_a_vector_squares_to_its_squared_length():
    v = random_vectors(6)
    squared = geometric_product(embed(v, 1), embed(v, 1))
    torch.testing.assert_close(squared, embed(v.square().sum(dim=-1, keepdim=True), 0))


def test_basis_vectors_anticommute():
    for i, a in enumerate(VECTORS):
        for j, b in enumerate(VECTORS):
            anticommutator = geometric_product(a, b) + geometric_product(b, a)
            assert torch.equal(anticommutator, 2.0 * (i == j) * ONE)


def test_pseudoscalar_commutes_squares_to_minus_one_and_gives_the_dual_basis():
    a = random_multivectors(5)
    torch.testing.assert_close(geometric_product(E123, a), geometric_product(a, E123.expand_as(a)))
    assert torch.equal(geometric_product(E123, E123), -ONE)
    for vector, bivector in zip(VECTORS, (E23, E31, E12), strict=True):
        assert torch.equal(geometric_product(E123, vector), bivector)
    assert torch.equal(geometric_product(geometric_product(E1, E2), E3), E123)


def test_product_of_vectors_is_dot_plus_dual_of_cross():
    v, w = random_vectors(2, 6)
    product = geometric_product(embed(v, 1), embed(w, 1))
    expected = embed((v * w).sum(dim=-1, keepdim=True), 0) + embed(torch.linalg.cross(v, w), 2)
    torch.testing.assert_close(product, expected)


def test_even_part_is_the_quaternions():
    """i, j, k = -e23, -e31, -e12: i j k = -1, and i j = k."""
    i, j, k = -E23, -E31, -E12
    assert torch.equal(geometric_product(i, j), k)
    assert torch.equal(geometric_product(geometric_product(i, j), k), -ONE)


def test_grades_add_up_to_the_multivector():
    a = random_multivectors(4)
    parts = [embed(grade_projection(a, grade), grade) for grade in range(4)]
    assert torch.equal(sum(parts), a)
    assert [part.count_nonzero() for part in parts] == [4 * size for size in GRADE_SIZES]


def test_product_commutes_with_orthogonal_maps(orthogonal):
    a, b = random_multivectors(2, 5)
    product = transformed(geometric_product(a, b), orthogonal)
    torch.testing.assert_close(
        product, geometric_product(transformed(a, orthogonal), transformed(b, orthogonal))
    )


def test_grades_turn_as_vectors_axial_vectors_and_by_the_determinant(orthogonal):
    a = random_multivectors(5)
    turned, parity = transformed(a, orthogonal), torch.linalg.det(orthogonal)
    expected = (ONE[:1], orthogonal, parity * orthogonal, parity.reshape(1, 1))
    for grade, matrix in enumerate(expected):
        part = grade_projection(a, grade) @ matrix.reshape(GRADE_SIZES[grade], -1).T
        torch.testing.assert_close(grade_projection(turned, grade), part)


def test_there_are_twenty_paths_and_each_is_its_part_of_the_product():
    assert len(PRODUCT_PATHS) == 20
    a, b = random_multivectors(2, 5)
    whole = torch.zeros_like(a)
    for path in PRODUCT_PATHS:
        left, right = grade_projection(a, path.left), grade_projection(b, path.right)
        part = path_product(left, right, path)
        product = geometric_product(embed(left, path.left), embed(right, path.right))
        torch.testing.assert_close(part, grade_projection(product, path.out), msg=str(path))
        turned = path_product(left.T, right.T, path, dim=0).T
        assert torch.equal(turned, part)
        whole += embed(part, path.out)
    torch.testing.assert_close(whole, geometric_product(a, b))


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"b: expected multivectors \(\.\.\., 8\), got \(2, 7\)"):
        geometric_product(torch.zeros(2, 8), torch.zeros(2, 7))
    with pytest.raises(ValueError, match=r"components: expected \(\.\.\., 3\) for grade 2, got \(2, 1\)"):
        embed(torch.zeros(2, 1), 2)
