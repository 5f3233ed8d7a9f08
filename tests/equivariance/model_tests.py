"""The tests that every model inherits: symmetries, batching, gradients, dtypes, save and load."""

import copy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_model, save_model

from geometric_hyena import GeometricGraph, collate
from geometric_hyena.geometry import reflection
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.testing import (
    assert_batch_invariant,
    assert_equivariant,
    equivariance_error,
    relative_error,
)

LENGTHS = (23, 7, 41, 64, 1)


def chain(length, seed=0, dtype=torch.float64, vectors=1):
    """A random chain with bonds of 1.5 angstrom, three scalars a token, and `vectors` vectors."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    steps = torch.nn.functional.normalize(draw(length, 3), dim=-1) * 1.5
    velocity = draw(length, vectors, 3) if vectors else None
    return GeometricGraph(draw(length, 3), steps.cumsum(0), velocity)


class ModelTests:
    """Inherit, and give `make_model(vector_dim)`; a model lists what it does not claim as False."""

    chiral = True  # reflections are no symmetry
    ordered = True  # the order of the tokens carries meaning
    gives = "vectors"  # what is looked at where one output is enough
    looks_at = ("scalars", "positions", "vectors")  # inputs that outputs depend on

    def make_model(self, vector_dim=1):
        raise NotImplementedError

    def model(self, dtype=torch.float64, vector_dim=1):
        torch.manual_seed(0)
        return self.make_model(vector_dim).to(dtype)

    def graphs(self, dtype=torch.float64, vectors=1):
        return [chain(n, seed=n, dtype=dtype, vectors=vectors) for n in LENGTHS]

    @pytest.mark.parametrize("vectors", [0, 1, 2])
    def test_equivariant_in_float64(self, vectors):
        assert_equivariant(self.model(vector_dim=vectors), self.graphs(vectors=vectors), tolerance=1e-9)

    def test_equivariant_in_float32(self):
        model, graphs = self.model(torch.float32), self.graphs(torch.float32)
        assert_equivariant(model, graphs, tolerance=1e-3)

    def test_reflection_is_a_symmetry_only_where_claimed(self):
        error = equivariance_error(self.model(), self.graphs(), reflection())
        assert (error > 1e-3) if self.chiral else (error < 1e-9)

    def test_batch_invariant_in_float32(self):
        # Not the single token: its vectors are all parallel, so that crossing them leaves rounding alone.
        graphs = [graph for graph in self.graphs(torch.float32) if len(graph) > 1]
        assert_batch_invariant(self.model(torch.float32), graphs, tolerance=1e-5)

    def test_batch_invariant_in_float64(self):
        assert_batch_invariant(self.model(), self.graphs(), tolerance=1e-12)

    def test_wider_neighbor_table_changes_nothing(self):
        """Padding in the neighbour table, as a batch mate with more neighbours brings it, is invisible."""
        model, graph = self.model(), chain(23).with_neighbors()
        padding = graph.neighbors.new_full((23, 5), -1)
        wider = replace(graph, neighbors=torch.cat([graph.neighbors, padding], dim=1))
        with torch.no_grad():
            a, b = model(collate([graph])), model(collate([wider]))
        assert relative_error(b.vectors, a.vectors) < 1e-12
        assert relative_error(b.scalars, a.scalars) < 1e-12

    def test_in_chunks_as_at_once(self):
        """Chunks of tokens that end inside sequences: outputs and gradients, those to positions too."""
        found = []
        for chunk, whole in ((1 << 20, 1 << 20), (19, 0)):
            model, batch = self.model(), collate(self.graphs())
            batch.positions.requires_grad_()
            with token_limits(chunk, whole):
                with torch.no_grad():
                    without_gradients = model(batch)
                out = model(batch)
                (out.scalars.sin().sum() + out.vectors.cos().sum() + out.positions.sin().sum()).backward()
            assert relative_error(without_gradients.vectors, out.vectors) < 1e-12
            grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
            found.append((out.scalars, out.vectors, {"positions": batch.positions.grad, **grads}))
        (scalars, vectors, grads), (scalars_cut, vectors_cut, grads_cut) = found
        assert relative_error(scalars_cut, scalars) < 1e-12
        assert relative_error(vectors_cut, vectors) < 1e-12
        assert grads.keys() == grads_cut.keys()
        for name in grads:
            torch.testing.assert_close(grads_cut[name], grads[name], rtol=1e-8, atol=1e-10, msg=name)

    def test_shapes(self):
        batch = collate(self.graphs())
        out = self.model()(batch)
        tokens = int(batch.lengths.sum())
        assert out.scalars.shape[0] == tokens
        assert out.scalars.ndim == 2
        assert out.vectors.shape[0] == tokens
        assert out.vectors.shape[2] == 3
        assert out.positions.shape == (tokens, 3)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_finite_gradients_for_every_parameter_and_input(self, dtype):
        model = self.model(dtype)
        batch = collate(self.graphs(dtype))
        batch = replace(
            batch,
            scalars=batch.scalars.requires_grad_(),
            positions=batch.positions.requires_grad_(),
            vectors=batch.vectors.requires_grad_(),
        )
        out = model(batch)
        loss = out.scalars.sin().sum() + out.vectors.sin().sum() + out.positions.sin().sum()
        (loss if out.auxiliary is None else loss + out.auxiliary).backward()
        named = dict(model.named_parameters())
        for name in ("scalars", "positions", "vectors"):
            if name in self.looks_at:
                named[f"input {name}"] = getattr(batch, name)
            else:
                assert getattr(batch, name).grad is None
        for name, tensor in named.items():
            assert tensor.grad is not None, f"{name} takes no part in the output"
            assert torch.isfinite(tensor.grad).all(), name
            assert tensor.grad.any(), f"{name} has a zero gradient"

    def test_gradient_is_the_derivative(self):
        """Directional derivative along random directions of the inputs, against finite differences."""
        model, graph = self.model(), chain(12).with_neighbors()
        generator = torch.Generator().manual_seed(3)
        direction = torch.randn(12, 3, generator=generator, dtype=torch.float64)

        def value(positions):
            out = model(collate([replace(graph, positions=positions)]))
            return out.scalars.sin().sum() + out.vectors.sin().sum()

        positions = graph.positions.clone().requires_grad_()
        slope = torch.autograd.grad(value(positions), positions)[0].mul(direction).sum()
        with torch.no_grad():
            step = 1e-6
            secant = value(graph.positions + step * direction) - value(graph.positions - step * direction)
        torch.testing.assert_close(slope, secant / (2 * step), rtol=1e-5, atol=1e-7)

    def test_far_from_the_origin_and_coincident_tokens_stay_finite(self):
        graph = chain(30, dtype=torch.float32)
        crowded = replace(graph, positions=torch.zeros(30, 3))
        distant = replace(graph, positions=graph.positions * 1e3 + 1e5)
        with torch.no_grad():
            out = self.model(torch.float32)(collate([crowded, distant]))
        assert torch.isfinite(out.scalars).all()
        assert torch.isfinite(out.vectors).all()

    def test_under_bf16_autocast(self):
        """Close to single precision, and gradients stay finite."""
        model, batch = self.model(torch.float32), collate(self.graphs(torch.float32))
        expected = model(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(batch)
        (out.scalars.float().sum() + out.vectors.float().sum()).backward()
        said, wanted = getattr(out, self.gives), getattr(expected, self.gives)
        assert relative_error(said.float(), wanted) < 0.1
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    def test_order_of_tokens_matters(self):
        graph = chain(23)
        turned = GeometricGraph(*[t.flip(0) for t in (graph.scalars, graph.positions, graph.vectors)])
        with torch.no_grad():
            a, b = (getattr(self.model()(collate([g])), self.gives) for g in (graph, turned))
        assert (relative_error(b.flip(0), a) > 1e-3) == self.ordered

    def test_save_and_load(self, tmp_path):
        model = self.model(torch.float32)
        save_model(model, str(tmp_path / "weights.safetensors"))
        torch.manual_seed(1)
        other = self.make_model(1)
        load_model(other, str(tmp_path / "weights.safetensors"))
        batch = collate(self.graphs(torch.float32))
        with torch.no_grad():
            assert torch.equal(getattr(model(batch), self.gives), getattr(other(batch), self.gives))

    def test_deep_copy_and_same_seed(self):
        model = self.model()
        batch = collate(self.graphs())
        with torch.no_grad():
            assert torch.equal(copy.deepcopy(model)(batch).vectors, model(batch).vectors)
            assert torch.equal(self.model()(batch).vectors, model(batch).vectors)

    def test_learns_on_one_step(self):
        """A small step against the gradient lowers the loss: the gradient points the right way."""
        model, batch = self.model(), collate(self.graphs())
        target = batch.vectors[:, 0].flip(-1) if self.gives == "vectors" else batch.scalars[:, 0].flip(0)

        def loss():
            return (getattr(model(batch), self.gives).mean(dim=1) - target).square().mean()

        before = loss()
        before.backward()
        with torch.no_grad():
            used = [p for p in model.parameters() if p.grad is not None]
            norm = torch.stack([p.grad.square().sum() for p in used]).sum()
            for p in used:
                p -= 1e-3 * p.grad / norm.sqrt()
            assert loss() < before
