"""Clifford perceptrons against the geometric product of whole multivectors."""

import pytest
import torch

from geometric_hyena.geometry import random_rotation, reflection
from geometric_hyena.geometry.clifford import (
    PRODUCT_PATHS,
    embed,
    geometric_product,
    grade_projection,
)
from geometric_hyena.layers import clifford_mlp
from geometric_hyena.layers.clifford_mlp import (
    CliffordMLP,
    GeometricProduct,
    GradeNorm,
    MultivectorNorm,
)

ALL = (0, 1, 2, 3)


def split_grades(x):
    """Multivectors (T, W, 8) by grade, channels last."""
    return {grade: grade_projection(x, grade).transpose(1, 2) for grade in ALL}


def joined(parts):
    """The inverse, for any grades."""
    return sum(embed(part.transpose(1, 2), grade) for grade, part in parts.items())


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("product", ["steerable", "fully_connected"])
def test_product_layer_is_the_weighted_geometric_product_of_its_equation(product):
    """Channel by channel and path by path, with the whole Cayley table."""
    width, tokens = 3, 4
    layer = GeometricProduct(width, ALL, ALL, product).double()
    x = torch.randn(tokens, width, 8, dtype=torch.float64)
    out = joined(layer(split_grades(x)))

    right = joined(layer.norm(layer.right(split_grades(x))))
    expected = joined(layer.left(split_grades(x)))
    for path, weight in zip(PRODUCT_PATHS, layer.weights, strict=True):
        pairs = torch.diag(weight) if product == "steerable" else weight  # (incoming, outgoing)
        for m in range(width):
            for n in range(width):
                a = embed(grade_projection(x[:, n], path.left), path.left)
                b = embed(grade_projection(right[:, n], path.right), path.right)
                part = embed(grade_projection(geometric_product(a, b), path.out), path.out)
                expected[:, m] += pairs[n, m] * part
    torch.testing.assert_close(out, expected)


def test_steerable_layer_on_all_grades_has_the_published_number_of_parameters():
    """Width 128: left and right maps, bias, norm, and 20 paths a channel."""
    layer = GeometricProduct(128, ALL, ALL, "steerable")
    assert sum(p.numel() for p in layer.parameters()) == 134_272


def test_grade_norm_moves_between_the_identity_and_unit_norm():
    x = split_grades(torch.randn(5, 3, 8, dtype=torch.float64))
    norm = GradeNorm(3, ALL).double()
    with torch.no_grad():
        norm.strength.fill_(-1e3)
        for grade, part in norm(x).items():
            torch.testing.assert_close(part, x[grade])
        norm.strength.fill_(1e3)
        for part in norm(x).values():
            length = part.square().sum(dim=1)
            torch.testing.assert_close(length, torch.ones_like(length))


def test_multivector_norm_gives_unit_mean_square():
    x = split_grades(100 * torch.randn(5, 3, 8, dtype=torch.float64))
    mean_square = joined(MultivectorNorm(3).double()(x)).square().sum(dim=-1).mean(dim=-1)
    torch.testing.assert_close(mean_square, torch.ones_like(mean_square))


@pytest.mark.parametrize("product", ["steerable", "fully_connected"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_perceptron_commutes_with_rotations_and_reflections(product, layers):
    mlp = CliffordMLP(4, 3, 5, 2, width=6, layers=layers, product=product).double()
    f, v = torch.randn(7, 4, dtype=torch.float64), torch.randn(7, 3, 3, dtype=torch.float64)
    for Q in (random_rotation(), reflection(), -torch.eye(3, dtype=torch.float64)):
        scalars, vectors = mlp(f, v)
        turned_scalars, turned_vectors = mlp(f, v @ Q.T)
        torch.testing.assert_close(turned_scalars, scalars)
        torch.testing.assert_close(turned_vectors, vectors @ Q.T)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_no_weight_is_idle(layers):
    mlp = CliffordMLP(4, 3, 5, 2, width=6, layers=layers).double()
    scalars, vectors = mlp(torch.randn(7, 4).double(), torch.randn(7, 3, 3).double())
    (scalars.sin().sum() + vectors.sin().sum()).backward()
    idle = [name for name, p in mlp.named_parameters() if p.grad is None or not p.grad.abs().amax(-1).all()]
    assert not idle


def test_scalars_depend_on_vectors_and_vectors_on_scalars():
    mlp = CliffordMLP(4, 3, 5, 2, width=6).double()
    f = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    v = torch.randn(7, 3, 3, dtype=torch.float64, requires_grad=True)
    scalars, vectors = mlp(f, v)
    for out, source in ((scalars, v), (vectors, f)):
        (gradient,) = torch.autograd.grad(out.sin().sum(), source, retain_graph=True)
        assert gradient.any()


def test_chunks_of_tokens_give_the_same_and_the_same_gradients(monkeypatch):
    mlp = CliffordMLP(4, 3, 5, 2, width=6).double()
    f = torch.randn(11, 4, dtype=torch.float64, requires_grad=True)
    v = torch.randn(11, 3, 3, dtype=torch.float64, requires_grad=True)

    def everything():
        scalars, vectors = mlp(f, v)
        loss = scalars.sin().sum() + vectors.sin().sum()
        return scalars, vectors, *torch.autograd.grad(loss, [f, v, *mlp.parameters()])

    whole = everything()
    monkeypatch.setattr(clifford_mlp, "CHUNK", 4)
    for a, b in zip(whole, everything(), strict=True):
        torch.testing.assert_close(b, a)
    with torch.no_grad():
        torch.testing.assert_close(mlp(f, v)[1], whole[1])


def test_unknown_product_is_named():
    with pytest.raises(ValueError, match="product: expected one of steerable, fully_connected, got 'outer'"):
        CliffordMLP(4, 3, 5, 2, width=6, product="outer")
