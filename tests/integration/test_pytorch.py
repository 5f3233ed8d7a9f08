"""What users of PyTorch do to models and batches: move, copy, pickle, load in workers, compile, export."""

import copy
import io
import pickle
import subprocess
import sys

import pytest
import torch
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader, Dataset

from geometric_hyena import (
    GeometricBatch,
    GeometricGraph,
    GeometricHyena,
    GTransformer,
    InputError,
    SE3Hyena,
    SE3Transformer,
    collate,
)
from geometric_hyena.export import export, program_inputs
from geometric_hyena.operators import geometric_long_conv, scalar_long_conv
from geometric_hyena.testing import relative_error

SCALARS, EDGES = 5, 2
LENGTHS = (18, 23)


def graph(length, seed, dtype=torch.float32, edges=True):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    neighbors = (torch.arange(length)[:, None] + torch.tensor([1, 2, 3])) % length
    return GeometricGraph(
        random(length, SCALARS),
        5 * random(length, 3),
        random(length, 1, 3),
        neighbors,
        random(length, 3, EDGES) if edges else None,
        torch.tensor([length - 4, 4]),
    )


def batch_of(seed=0, **options):
    return collate([graph(length, seed + i, **options) for i, length in enumerate(LENGTHS)])


def hyena(**options):
    torch.manual_seed(0)
    return GeometricHyena(SCALARS, 1, 16, 4, 1, edge_dim=EDGES, **options)


_NO_TENSORS = ("neighbors", "sharding")


def tensors(batch):
    table = batch.neighbors
    return {
        **{name: getattr(batch, name) for name in batch.__dataclass_fields__ if name not in _NO_TENSORS},
        "index": table.index,
        "mask": table.mask,
    }


def assert_same_batch(one, other):
    ours, theirs = tensors(one), tensors(other)
    assert isinstance(other, GeometricBatch)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor is not None
        assert torch.equal(tensor, theirs[name]), name


def assert_same_output(one, other, tolerance=0.0):
    for name in ("scalars", "vectors", "positions"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=tolerance, atol=tolerance)


class Molecules(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, number):
        return graph(LENGTHS[number % 2], number)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_make_the_batches_of_the_main_process(method):
    here = list(DataLoader(Molecules(), batch_size=2, collate_fn=collate))
    loader = DataLoader(
        Molecules(), batch_size=2, collate_fn=collate, num_workers=1, multiprocessing_context=method
    )
    there = list(loader)
    assert len(here) == len(there) == 2
    for one, other in zip(here, there, strict=True):
        assert_same_batch(one, other)
    assert_same_output(hyena()(there[0]), hyena()(here[0]))


def test_a_model_runs_in_a_forked_worker_after_it_ran_here():
    model, batch = hyena().eval(), batch_of()
    with torch.no_grad():
        here = model(batch)
    context = torch.multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_predict_to, args=(theirs, model, batch))
    worker.start()
    assert ours.poll(60)
    scalars = torch.tensor(ours.recv())
    worker.join(60)
    assert worker.exitcode == 0
    torch.testing.assert_close(scalars, here.scalars)


def _predict_to(pipe, model, batch):
    with torch.no_grad():
        pipe.send(model(batch).scalars.tolist())


def test_pin_memory_is_what_the_loader_calls(monkeypatch):
    """Without a GPU no memory can be pinned: seen is that every tensor but the lengths is asked to be."""
    batch, asked = batch_of(), []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: asked.append(self) or self.clone())
    pinned = torch.utils.data._utils.pin_memory.pin_memory(batch)
    assert_same_batch(batch, pinned)
    expected = [tensor for name, tensor in tensors(batch).items() if name != "lengths"]
    assert {id(tensor) for tensor in asked} == {id(tensor) for tensor in expected}


def test_to_moves_everything_but_the_lengths_and_keeps_whole_numbers():
    moved = batch_of().to("meta", torch.float64)
    for name, tensor in tensors(moved).items():
        assert tensor.is_meta == (name != "lengths"), name
        whole = name in ("lengths", "index", "mask", "residue_lengths")
        assert (tensor.dtype == torch.float64) != whole, name
    assert batch_of().to("cpu").scalars.dtype == torch.float32


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_batches_graphs_and_models_survive_a_copy(again):
    batch, model = batch_of(), hyena().eval()
    assert_same_batch(batch, again(batch))
    assert torch.equal(again(graph(9, 0)).edge_features, graph(9, 0).edge_features)
    copied = again(model)
    assert_same_output(copied(again(batch)), model(batch))
    if again is not copy.copy:
        with torch.no_grad():
            copied.shift.weight.add_(1)
        assert not torch.equal(copied.shift.weight, model.shift.weight)


@pytest.mark.parametrize("make", [hyena, lambda: SE3Hyena(SCALARS, 1, 8, 8, 1)])
def test_a_state_dict_goes_through_a_file_without_code(make, tmp_path):
    model, batch = make(), batch_of()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    other = make()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert not other.load_state_dict(state).missing_keys
    batch = batch if make is hyena else batch_of(edges=False)
    assert_same_output(other(batch), model(batch))


def test_weights_come_to_a_model_made_without_memory():
    model = hyena().eval()
    with torch.device("meta"):
        empty = GeometricHyena(SCALARS, 1, 16, 4, 1, edge_dim=EDGES)
    assert all(parameter.is_meta for parameter in empty.parameters())
    empty.load_state_dict(model.state_dict(), assign=True)
    assert_same_output(empty.eval()(batch_of()), model(batch_of()))


def test_double_precision():
    out = hyena().double()(batch_of(dtype=torch.float64))
    assert {out.scalars.dtype, out.vectors.dtype, out.positions.dtype} == {torch.float64}


def test_hooks_see_modules_and_gradients():
    model, seen = hyena(), []
    for block in model.blocks:
        block.register_forward_hook(lambda *_: seen.append("block"))
    model.register_forward_hook(lambda *_: seen.append("model"))
    model.embed_scalars.weight.register_hook(lambda grad: seen.append("gradient"))
    model(batch_of()).scalars.square().sum().backward()
    assert seen == ["block", "model", "gradient"]


def test_functional_call_uses_the_weights_it_is_given():
    model, batch = hyena(), batch_of()
    halved = {name: parameter.detach() / 2 for name, parameter in model.named_parameters()}
    out = torch.func.functional_call(model, halved, (batch,))
    expected = copy.deepcopy(model)
    expected.load_state_dict(halved, strict=False)
    assert_same_output(out, expected(batch), tolerance=1e-5)  # weights without gradients: another path
    assert not torch.equal(out.scalars, model(batch).scalars)


def test_a_training_step_with_clipping():
    model, batch = hyena(), batch_of()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    before = copy.deepcopy(model.state_dict())
    (1e3 * model(batch).vectors.square().sum()).backward()
    assert torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5, error_if_nonfinite=True) > 0.5
    assert torch.nn.utils.get_total_norm(p.grad for p in model.parameters() if p.grad is not None) < 0.51
    optimizer.step()
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    assert "embed_scalars.weight" in changed


def test_autocast_is_near_and_its_gradients_are_finite():
    model, batch = hyena(), batch_of()
    exact = model(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(batch)
    assert 0 < relative_error(out.scalars.float(), exact.scalars) < 0.1
    out.scalars.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


class Head(torch.nn.Module):
    """A user's model around one of ours."""

    def __init__(self, model):
        super().__init__()
        self.model, self.head = model, torch.nn.Linear(16, 1)

    def forward(self, batch):
        return self.head(torch.nn.functional.silu(self.model(batch).scalars)).sum()


@pytest.fixture
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


# PyTorch looks at the gradient of what enters the graph again behind the model, and warns of that itself.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_models_give_the_same_and_train():
    module = Head(hyena())
    compiled = torch.compile(module, backend="aot_eager")
    for seed in (0, 5):
        torch.testing.assert_close(compiled(batch_of(seed)), module(batch_of(seed)))
    compiled(batch_of()).backward()
    found = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    module.zero_grad()
    module(batch_of()).backward()
    for name, grad in found.items():
        torch.testing.assert_close(grad, module.get_parameter(name).grad)


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_functions_call_the_operators():
    def convolved(q, k):
        return scalar_long_conv(q + 1, k).square().sum()

    q, k = torch.randn(2, 1, 9, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.compile(convolved, backend="eager")(q, k), convolved(q, k))


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("make", [hyena, lambda: Head(hyena())])
def test_a_whole_graph_is_refused_with_the_reason(make):
    with pytest.raises(Exception, match="compile without fullgraph=True"):
        torch.compile(make(), backend="eager", fullgraph=True)(batch_of())


def test_the_compiler_is_not_imported_before_it_is_asked_for():
    code = "import sys, geometric_hyena.export; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


MODELS = {
    "geometric-hyena": hyena,
    "se3-hyena": lambda: SE3Hyena(SCALARS, 1, 8, 8, 1),
    "g-transformer": lambda: GTransformer(SCALARS, 1, 16, 4, 1, edge_dim=EDGES),
    "se3-transformer": lambda: SE3Transformer(SCALARS, 1, 16, 4, 1, edge_dim=EDGES),
}


@pytest.mark.parametrize(
    "name", [name if name == "se3-hyena" else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_an_exported_program_serves_other_molecules_of_the_same_lengths(name):
    model = MODELS[name]().eval()
    program = export(model, batch_of(0))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file)
    assert not any("geometric_hyena" in str(node.target) for node in loaded.graph.nodes)
    other = batch_of(7)
    with torch.no_grad():
        out = model(other)
    scalars, vectors, positions = loaded.module()(*program_inputs(other))
    torch.testing.assert_close(scalars, out.scalars, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(vectors, out.vectors, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(positions, out.positions, rtol=1e-4, atol=1e-4)
    # What was traced must not stay behind in the memory that the operators use again.
    with torch.no_grad():
        assert_same_output(model(other), out)


def test_what_cannot_be_exported_says_so_in_one_line():
    with pytest.raises(InputError, match=r"call model.eval\(\) first"):
        export(hyena(), batch_of())

    class Undecided(torch.nn.Module):
        def forward(self, batch):
            return batch if batch.scalars.sum() > 0 else None

    with pytest.raises(InputError, match=r"Undecided cannot be exported by torch\.export") as caught:
        export(Undecided().eval(), batch_of())
    assert "\n" not in str(caught.value)


def test_lengths_may_be_a_list():
    q, k = torch.randn(2, 2, 9, 4, 3, generator=torch.Generator().manual_seed(0))
    a, b = q[..., 0], k[..., 0]
    weights = torch.ones(5, 4)
    for one, other in zip(
        geometric_long_conv(a, q, b, k, weights, [9, 5]),
        geometric_long_conv(a, q, b, k, weights, torch.tensor([9, 5])),
        strict=True,
    ):
        assert torch.equal(one, other)
    with pytest.raises(ValueError, match="lengths: expected integers"):
        scalar_long_conv(a, b, [9.0, 5.0])


def test_pytorch_geometric_there_and_back():
    pytest.importorskip("torch_geometric")
    from torch_geometric.loader import DataLoader as PyGLoader

    original = graph(9, 0)
    data = original.to_pyg()
    assert data.num_nodes == 9
    assert data.edge_index.shape == (2, 27)
    back = GeometricGraph.from_pyg(data)
    for name in ("scalars", "positions", "vectors"):
        assert torch.equal(getattr(back, name), getattr(original, name)), name
    for token in range(9):
        # Neighbours of a token are a set: what must survive is which feature belongs to which.
        ours, theirs = (
            {int(j): e.tolist() for j, e in zip(g.neighbors[token], g.edge_features[token], strict=True)}
            for g in (original, back)
        )
        assert ours == theirs
    (together,) = PyGLoader([data, graph(7, 1).to_pyg()], batch_size=2)
    packed = collate([GeometricGraph.from_pyg(one) for one in together.to_data_list()])
    assert packed.lengths.tolist() == [9, 7]
    assert torch.equal(packed.scalars, together.x)
    with pytest.raises(InputError, match="expected a Data object with x"):
        GeometricGraph.from_pyg(data.__class__(x=data.x))
    with pytest.raises(InputError, match="one molecule; take a Batch apart"):
        GeometricGraph.from_pyg(together)


def test_edges_of_pytorch_geometric_with_one_number_and_edges_to_nowhere():
    pytest.importorskip("torch_geometric")
    data = graph(9, 0).to_pyg()
    data.edge_attr = torch.arange(27.0)
    back = GeometricGraph.from_pyg(data)
    real = back.neighbors >= 0
    sources = data.edge_index[0, back.edge_features[real][:, 0].long()]
    assert torch.equal(back.neighbors[real], sources)
    data.edge_index[0, 3] = 9
    with pytest.raises(InputError, match="edge_index: expected tokens from 0 to 8, got 0 to 9"):
        GeometricGraph.from_pyg(data)
    with pytest.raises(InputError, match="edge_features: expected shape"):
        GeometricGraph(back.scalars, back.positions, None, back.neighbors, torch.zeros(back.neighbors.shape))


def small(blocks):
    return GeometricHyena(SCALARS, 1, hidden_dim=16, vector_channels=3, blocks=blocks, edge_dim=EDGES)


def test_maps_inside_of_projections_are_adapted_by_parametrization():
    class Added(torch.nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.weight = torch.nn.Parameter(0.1 * torch.randn_like(weight))

        def forward(self, weight):
            return weight + self.weight

    torch.manual_seed(0)
    model, batch = small(blocks=2), collate([graph(9, 0)])
    plain = model(batch).scalars
    for part in list(model.modules()):
        if type(part) is torch.nn.Linear:
            parametrize.register_parametrization(part, "weight", Added(part.weight))
    adapted = model(batch).scalars
    assert not torch.allclose(adapted, plain, atol=1e-2)
    adapted.sum().backward()
    assert model.blocks[0].qkv.to_scalars.parametrizations.weight[0].weight.grad is not None
    with torch.no_grad():
        torch.testing.assert_close(model(batch).scalars, adapted, atol=1e-5, rtol=1e-4)


def test_what_stands_in_a_block_says_the_same_with_and_without_gradients():
    class Scaled(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return 1.5 * self.inner(x)

    torch.manual_seed(0)
    model, batch = small(blocks=1), collate([graph(9, 0)])
    plain = model(batch).scalars
    fired = []
    model.blocks[0].input_norm.register_forward_hook(lambda *_: fired.append(1))
    model.blocks[0].output_norm = Scaled(model.blocks[0].output_norm)
    expected = model(batch).scalars
    assert not torch.allclose(expected, plain, atol=1e-3)
    seen = len(fired)
    with torch.no_grad():
        torch.testing.assert_close(model(batch).scalars, expected, atol=1e-5, rtol=1e-4)
    assert 0 < seen < len(fired)
