"""A user's file, as a type checker sees it: checked in `make lint`, never run."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from pathlib import Path
from typing import assert_type

import torch
from torch import Tensor
from torch.export import ExportedProgram

from geometric_hyena import (
    GeometricBatch,
    GeometricGraph,
    GeometricHyena,
    GeometricOutput,
    GTransformer,
    InputError,
    SE3Hyena,
    collate,
)
from geometric_hyena.export import ProgramInputs, export, program_inputs
from geometric_hyena.hub import PretrainedModel, shipped
from geometric_hyena.operators import (
    dot_product_vector_attention,
    geometric_long_conv,
    scalar_long_conv,
    steerable_long_conv,
    vector_long_conv,
)
from geometric_hyena.testing import assert_batch_invariant, assert_equivariant

graph = GeometricGraph(scalars=torch.randn(9, 4), positions=torch.randn(9, 3))
assert_type(graph.vectors, Tensor | None)
batch = collate([graph, graph], k=8, radius=10.0)
assert_type(batch, GeometricBatch)
assert_type(batch.to("cuda", torch.float64), GeometricBatch)
assert_type(batch.pin_memory(), GeometricBatch)
assert_type(batch.split(batch.scalars), list[Tensor])

model = GeometricHyena(scalar_dim=4, hidden_dim=64, vector_channels=8, blocks=3, gate="qk")
assert_type(model.forward(batch), GeometricOutput)
assert_type(GTransformer(4).forward(batch), GeometricOutput)
assert_type(SE3Hyena(4).forward(batch).vectors, Tensor)

q, k, v = torch.randn(3, 2, 9, 4, 3).unbind(0)
lengths = torch.tensor([9, 5])
assert_type(scalar_long_conv(q[..., 0], k[..., 0], lengths, norm="length"), Tensor)
assert_type(vector_long_conv(q, k, [9, 5]), Tensor)
assert_type(geometric_long_conv(q[..., 0], q, k[..., 0], k, torch.ones(5, 4)), tuple[Tensor, Tensor])
assert_type(steerable_long_conv({1: q}, {1: k}), dict[int, Tensor])
assert_type(dot_product_vector_attention(q, k, v, lengths), Tensor)

assert_equivariant(model, [graph], tolerance=1e-9)
assert_batch_invariant(model, [graph, graph])

assert_type(export(model, batch), ExportedProgram)
assert_type(program_inputs(batch), ProgramInputs)
pretrained = PretrainedModel.from_pretrained("protein-md-demo")
assert_type(pretrained, PretrainedModel)
assert_type(pretrained.forward(batch), GeometricOutput | Tensor)
assert_type(shipped(), dict[str, Path])

# What must not pass: an ignored line on which nothing is wrong is an error, too.
GeometricGraph(scalars=[[1.0]], positions=torch.zeros(1, 3))  # pyright: ignore[reportArgumentType]
GeometricHyena(scalar_dim=4, hiden_dim=64)  # pyright: ignore[reportCallIssue]
scalar_long_conv(q, k, norm=1)  # pyright: ignore[reportArgumentType]


def mend(error: InputError) -> ValueError:
    """One error class, which is a ValueError."""
    return error
