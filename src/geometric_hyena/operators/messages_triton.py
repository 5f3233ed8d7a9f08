"""Message moments on a GPU by kernels that Triton compiles: no edge is ever stored, forward or backward.

A program works on a tile of one token's edges times some hidden channels, in registers. Half-precision
inputs are summed in single precision. Backward, the edges are computed again, and their gradients added to
the senders by atomic additions in no fixed order: two runs may differ by rounding. Where PyTorch is asked for
deterministic algorithms, `messages` leaves these kernels alone.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

# Edges of a token that are worked on at a time.
_EDGES = 16
# Channels that are worked on at a time: times the edges, as many as one warp holds in registers.
_CHANNELS = 32
# Programs of the backward, each with a share of the tokens and a term of the gradient to W of its own.
_PROGRAMS = 4096


def forward(
    receiver: Tensor, sender: Tensor, edge_map: Tensor, index: Tensor, edges: Tensor, coefficients: Tensor
) -> Tensor:
    """The moments (T, P, H); arguments as those of `message_moments`, on a GPU in one float type.

    A sender that does not exist makes the receiver's moments NaN: to raise would mean to wait for the GPU.
    """
    tensors = _contiguous(receiver, sender, edge_map, index, edges, coefficients)
    tokens, width, moments = receiver.shape[0], receiver.shape[1], coefficients.shape[2]
    out = receiver.new_empty(tokens, moments, width)
    if out.numel():
        launch: Any = _forward[(tokens,)]
        with torch.cuda.device_of(receiver):
            launch(*tensors, out, sender.shape[0], index.shape[1], **_sizes(*tensors))
    return out


def backward(
    grad: Tensor,
    tensors: tuple[Tensor, ...],
    sender_total: Tensor,
    needs_edges: bool,
    needs_coefficients: bool,
) -> tuple[Tensor | None, ...]:
    """Gradients to receiver, edge_map, edges and coefficients; None for the last two on request.

    That to sender is added to `sender_total`.
    """
    receiver, sender, edge_map, index, edges, coefficients = tensors = _contiguous(*tensors)
    tokens, dtype = receiver.shape[0], receiver.dtype
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    share = -(-max(tokens, 1) // _PROGRAMS)
    programs = -(-tokens // share)

    receiver_grad = torch.empty_like(receiver)
    # The kernel adds where the total is, if that is exact enough to be added to.
    direct = sender_total.dtype == exact and sender_total.is_contiguous()
    sender_grad = sender_total if direct else torch.zeros_like(sender, dtype=exact)
    map_terms = edge_map.new_empty(programs, *edge_map.shape, dtype=exact)
    edges_grad = torch.empty_like(edges, dtype=exact) if needs_edges else None
    coefficients_grad = torch.empty_like(coefficients, dtype=exact) if needs_coefficients else None
    if receiver.numel():
        launch: Any = _backward[(programs,)]
        with torch.cuda.device_of(receiver):
            launch(
                grad.contiguous(),
                *tensors,
                receiver_grad,
                sender_grad,
                map_terms,
                edges_grad,
                coefficients_grad,
                tokens,
                share,
                sender.shape[0],
                index.shape[1],
                FEATURES=_power_of_two(edge_map.shape[0]),
                **_sizes(*tensors),
            )
    if not direct:
        sender_total += sender_grad
    return (
        receiver_grad,
        map_terms.sum(dim=0).to(dtype),
        None if edges_grad is None else edges_grad.to(dtype),
        None if coefficients_grad is None else coefficients_grad.to(dtype),
    )


def _contiguous(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.contiguous() for tensor in tensors)


def _power_of_two(size: int) -> int:
    """The smallest that is no less than `size`: Triton's tiles have no other sizes."""
    return 1 << max(size - 1, 0).bit_length()


def _sizes(receiver, sender, edge_map, index, edges, coefficients) -> dict[str, object]:
    """What the kernels are compiled for."""
    moments = coefficients.shape[2]
    return {
        "WIDTH": receiver.shape[1],
        "SIZE": edge_map.shape[0],
        "MOMENTS": moments,
        "ROWS": _power_of_two(moments),
        "EDGES": min(_EDGES, _power_of_two(index.shape[1])),
        "CHANNELS": min(_CHANNELS, max(16, _power_of_two(receiver.shape[1]))),
        "EXACT": tl.float64 if receiver.dtype == torch.float64 else tl.float32,
        "num_warps": 1,
    }


@triton.jit
def _hidden(
    receiver, sender, edge_map, edges, i, edge, live, target, known, channels, inside,
    WIDTH: tl.constexpr, SIZE: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """A_i + B_j + e_ij W of a tile of edges of token i, (EDGES, CHANNELS); NaN where j does not exist."""
    there = (live & known)[:, None] & inside[None, :]
    hidden = tl.load(sender + target[:, None] * WIDTH + channels[None, :], mask=there, other=0.0).to(EXACT)
    for e in range(SIZE):
        feature = tl.load(edges + edge * SIZE + e, mask=live, other=0.0).to(EXACT)
        row = tl.load(edge_map + e * WIDTH + channels, mask=inside, other=0.0).to(EXACT)
        hidden += feature[:, None] * row[None, :]
    hidden += tl.load(receiver + i * WIDTH + channels, mask=inside, other=0.0).to(EXACT)[None, :]
    return tl.where(known[:, None], hidden, float("nan"))


@triton.jit
def _with_row(total, rows, r, values):
    """`total` with `values` added to its row r."""
    return total + tl.where(rows[:, None] == r, values[None, :], 0.0)


@triton.jit(do_not_specialize=["senders", "neighbors"])
def _forward(
    receiver, sender, edge_map, index, edges, coefficients, out, senders, neighbors,
    WIDTH: tl.constexpr, SIZE: tl.constexpr, MOMENTS: tl.constexpr, ROWS: tl.constexpr,
    EDGES: tl.constexpr, CHANNELS: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """The moments of one token."""
    i = tl.program_id(0).to(tl.int64)
    rows = tl.arange(0, ROWS)
    for h in range(0, WIDTH, CHANNELS):
        channels = h + tl.arange(0, CHANNELS)
        inside = channels < WIDTH
        total = tl.zeros((ROWS, CHANNELS), EXACT)
        for first in range(0, neighbors, EDGES):
            place = first + tl.arange(0, EDGES)
            live, edge = place < neighbors, i * neighbors + place
            target = tl.load(index + edge, mask=live, other=0).to(tl.int64)
            known = (target >= 0) & (target < senders) | ~live
            hidden = _hidden(
                receiver, sender, edge_map, edges, i, edge, live, target, known, channels, inside,
                WIDTH, SIZE, EXACT,
            )  # fmt: skip
            messages = hidden * tl.sigmoid(hidden)
            for p in tl.static_range(MOMENTS):
                weight = tl.load(coefficients + edge * MOMENTS + p, mask=live, other=0.0).to(EXACT)
                total = _with_row(total, rows, p, tl.sum(weight[:, None] * messages, axis=0))
        places = (i * MOMENTS + rows[:, None]) * WIDTH + channels[None, :]
        tl.store(out + places, total, mask=(rows < MOMENTS)[:, None] & inside[None, :])


@triton.jit
def _add(pointers, values, mask, begun):
    """Add to what this program alone writes, or write it where nothing has `begun`."""
    tl.store(pointers, values + tl.load(pointers, mask=mask & begun, other=0.0), mask=mask)


@triton.jit(do_not_specialize=["tokens", "share", "senders", "neighbors"])
def _backward(
    grad, receiver, sender, edge_map, index, edges, coefficients,
    receiver_grad, sender_grad, map_terms, edges_grad, coefficients_grad,
    tokens, share, senders, neighbors,
    WIDTH: tl.constexpr, SIZE: tl.constexpr, MOMENTS: tl.constexpr, ROWS: tl.constexpr,
    EDGES: tl.constexpr, CHANNELS: tl.constexpr, EXACT: tl.constexpr, FEATURES: tl.constexpr,
):  # fmt: skip
    """The gradients of a share of the tokens.

    To `sender_grad` is added; `edges_grad` and `coefficients_grad` may be None.
    """
    program = tl.program_id(0).to(tl.int64)
    features = tl.arange(0, FEATURES)
    for h in range(0, WIDTH, CHANNELS):
        channels = h + tl.arange(0, CHANNELS)
        inside = channels < WIDTH
        map_total = tl.zeros((FEATURES, CHANNELS), EXACT)
        for i in range(program * share, tl.minimum((program + 1) * share, tokens)):
            token_total = tl.zeros((CHANNELS,), EXACT)
            for first in range(0, neighbors, EDGES):
                place = first + tl.arange(0, EDGES)
                live, edge = place < neighbors, i * neighbors + place
                target = tl.load(index + edge, mask=live, other=0).to(tl.int64)
                known = (target >= 0) & (target < senders) | ~live
                hidden = _hidden(
                    receiver, sender, edge_map, edges, i, edge, live, target, known, channels, inside,
                    WIDTH, SIZE, EXACT,
                )  # fmt: skip
                gate = tl.sigmoid(hidden)
                messages = hidden * gate
                delta = tl.zeros((EDGES, CHANNELS), EXACT)
                sends = tl.zeros((EDGES,), tl.int1)
                for p in tl.static_range(MOMENTS):
                    at = edge * MOMENTS + p
                    weight = tl.load(coefficients + at, mask=live, other=0.0).to(EXACT)
                    coming = tl.load(grad + (i * MOMENTS + p) * WIDTH + channels, mask=inside, other=0.0)
                    coming = coming.to(EXACT)
                    delta += weight[:, None] * coming[None, :]
                    sends |= weight != 0
                    if coefficients_grad is not None:
                        _add(coefficients_grad + at, tl.sum(messages * coming[None, :], axis=1), live, h > 0)
                # silu'(z) = s + m (1 - s) with s = sigmoid(z), m = silu(z)
                delta *= gate + messages * (1 - gate)
                token_total += tl.sum(delta, axis=0)
                tl.atomic_add(
                    sender_grad + target[:, None] * WIDTH + channels[None, :],
                    delta,
                    mask=(sends & live & known)[:, None] & inside[None, :],
                    sem="relaxed",
                )
                for e in range(SIZE):
                    at = edge * SIZE + e
                    feature = tl.load(edges + at, mask=live, other=0.0).to(EXACT)
                    map_total = _with_row(map_total, features, e, tl.sum(feature[:, None] * delta, axis=0))
                    if edges_grad is not None:
                        row = tl.load(edge_map + e * WIDTH + channels, mask=inside, other=0.0).to(EXACT)
                        _add(edges_grad + at, tl.sum(delta * row[None, :], axis=1), live, h > 0)
            tl.store(receiver_grad + i * WIDTH + channels, token_total, mask=inside)
        places = (program * SIZE + features[:, None]) * WIDTH + channels[None, :]
        tl.store(map_terms + places, map_total, mask=(features < SIZE)[:, None] & inside[None, :])
        # The next channels add to what other threads of the program have written.
        tl.debug_barrier()
