"""What a rank does to compare itself with a single process; run by every rank of a group."""

from dataclasses import replace

import torch

from distributed.processes import die
from geometric_hyena import GeometricGraph, GeometricHyena, GTransformer, SE3Hyena, collate
from geometric_hyena.distributed import context_parallel, gather_tokens, join_shards, shard_batch
from geometric_hyena.geometry.neighbors import Neighbors
from geometric_hyena.layers.staging import token_limits
from geometric_hyena.models.readouts import MoleculeReadout, PooledVectorReadout
from geometric_hyena.operators.kernels import kernels

SMALL = {"scalar_dim": 3, "vector_dim": 1, "hidden_dim": 12, "vector_channels": 4, "blocks": 2}
MODELS = {
    "hyena": lambda: GeometricHyena(**SMALL, edge_dim=1, radius=4.0, distance_bumps=2),
    "moved": lambda: GeometricHyena(**SMALL, edge_dim=1, radius=4.0, distances="moved"),
    "paper": lambda: GeometricHyena(**{**SMALL, "vector_channels": 1}, edge_dim=1, radius=4.0),
    "zero": lambda: GeometricHyena(**SMALL, edge_dim=1, padding="zero", gate="k", interaction=False),
    "messages": lambda: GeometricHyena(**SMALL, edge_dim=1, long_conv=False, global_messages=False),
    "distant": lambda: GeometricHyena(**SMALL, edge_dim=1, local_messages=False),
    "se3": lambda: SE3Hyena(**SMALL),
}


def molecules(lengths, seed=0):
    """A batch of chains in float64."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    graphs = []
    for n in lengths:
        graph = GeometricGraph(normal(n, 3), normal(n, 3).cumsum(0) + 7, normal(n, 1, 3)).with_neighbors(
            5, 4.0
        )
        edges = normal(*graph.neighbors.shape, 1)
        graphs.append(GeometricGraph(graph.scalars, graph.positions, graph.vectors, graph.neighbors, edges))
    return collate(graphs)


def made(name):
    torch.manual_seed(1)
    return MODELS[name]().double()


def differentiated(model, batch, weights, own=slice(None)):
    """Outputs of some tokens, and gradients of a loss of them, to parameters and inputs."""
    leaves = [batch.positions.requires_grad_(), batch.scalars.requires_grad_()]
    out = model(batch)
    parts = (out.scalars, out.vectors, out.positions)
    sum((part.sin() * weight[own]).sum() for part, weight in zip(parts, weights, strict=True)).backward()
    gradients = {name: p.grad for name, p in getattr(model, "module", model).named_parameters()}
    return [part.detach() for part in parts], [leaf.grad for leaf in leaves], gradients


def relative(found, expected):
    """Largest difference over largest value."""
    if expected is None or found is None:
        return 0.0 if found is expected else float("inf")
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    difference = float((found - expected).abs().max()) if expected.numel() else 0.0
    return difference / scale if scale else difference


def worst_difference(name, lengths, limits):
    """The worst relative difference between this group and one process, in outputs and gradients."""
    generator = torch.Generator().manual_seed(5)
    batch = molecules(lengths)
    with torch.no_grad():
        like = made(name)(batch)
    weights = [
        torch.randn(x.shape, generator=generator, dtype=x.dtype)
        for x in (like.scalars, like.vectors, like.positions)
    ]
    with token_limits(*limits):
        expected = differentiated(made(name), batch, weights)
        model, shard = context_parallel(made(name)), shard_batch(molecules(lengths))
        start, stop = shard.sharding.start, shard.sharding.stop
        found = differentiated(model, shard, weights, slice(start, stop))
        with torch.no_grad():
            plain = model(shard)
    worst = 0.0
    for ours, theirs in zip([*found[0], *found[1]], [*expected[0], *expected[1]], strict=True):
        worst = max(worst, relative(gather_tokens(ours, shard), theirs))
    for part, theirs in zip((plain.scalars, plain.vectors, plain.positions), expected[0], strict=True):
        worst = max(worst, relative(gather_tokens(part, shard), theirs))
    for name, gradient in expected[2].items():
        worst = max(worst, relative(found[2][name], gradient))
    return worst


WHOLE, STAGED = (1024, 1 << 14), (5, 0)


def compare(rank, cases, choice):
    """The worst difference of each case (model, lengths, limits), with one choice of kernels."""
    with kernels(choice):
        return {case: worst_difference(*case) for case in cases}


def reveal_pooled(rank):
    """The worst difference of a readout per molecule, with a head, over two backward passes."""

    def step(model, readouts, batch, share):
        for _ in range(2):
            out = model(batch)
            pooled = [readout(out, batch) for readout in readouts]
            sum(((part - 0.3) ** 2).sum() * share for part in pooled).backward()
        return pooled

    def parts():
        model, readouts = (
            made("hyena"),
            [MoleculeReadout(12, 2).double(), PooledVectorReadout(12, 4).double()],
        )
        for readout in readouts:
            for p in readout.parameters():
                torch.nn.init.normal_(p, std=0.3)
        return model, readouts

    lengths = (9, 4, 12)
    model, readouts = parts()
    expected = step(model, readouts, molecules(lengths), 1)
    torch.manual_seed(100 + rank)  # weights that differ before they are sent
    sharded, sharded_readouts = parts()
    sharded_readouts = [context_parallel(readout) for readout in sharded_readouts]
    for ours, theirs in zip(sharded_readouts, readouts, strict=True):
        ours.module.load_state_dict(theirs.state_dict())
    found = step(context_parallel(sharded), sharded_readouts, shard_batch(molecules(lengths)), 1 / 3)
    pairs = list(zip(found, expected, strict=True))
    for ours, theirs in zip(
        [sharded, *(r.module for r in sharded_readouts)], [model, *readouts], strict=True
    ):
        pairs += [(a.grad, b.grad) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)]
    return max(relative(a, b) for a, b in pairs)


def refusals(rank):
    """The errors for what cannot be done."""
    batch = molecules((9,))
    plain = GTransformer(**SMALL, edge_dim=1).double()
    model, shard = context_parallel(made("hyena")), shard_batch(batch)
    too_many = replace(
        shard, sharding=None, neighbors=Neighbors(shard.neighbors.index % 4, shard.neighbors.mask)
    )
    if rank == 0:
        double = torch.cat([too_many.positions, too_many.positions[:1]])
        too_many = replace(too_many, positions=double)
    tries = [
        lambda: model(batch),
        lambda: context_parallel(plain),
        lambda: plain(shard),
        lambda: shard_batch(shard),
        lambda: join_shards(too_many),
    ]
    errors = []
    for attempt in tries:
        try:
            attempt()
        except Exception as error:
            errors.append(error)
    return errors


def lose_a_rank(rank):
    """Train until rank 1 is killed in the middle of a step."""
    model, shard = context_parallel(made("hyena")), shard_batch(molecules((20,)))
    for turn in range(3):
        out = model(shard)
        if turn == 1 and rank == 1:
            die()
        out.scalars.sum().backward()
