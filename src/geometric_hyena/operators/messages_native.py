"""Message moments on the processor by compiled kernels, in parallel over slices of the tokens.

Forward, a thread keeps no more than the edges of one token. Backward, the gradients of a chunk of edges wait
in a buffer until they are added to their senders, each thread serving senders of its own: no atomics and no
list of edges sorted by sender. Every sum runs in an order fixed by the input alone, so results are bitwise
the same in every run and with any number of threads.
"""

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.operators.lanes import LANES
from geometric_hyena.operators.messages_kernels import BLOCK, add_to_senders, backward_tokens, forward_tokens
from geometric_hyena.operators.threads import in_threads, share_count, shares

# Edges whose gradients wait, per thread, for their senders.
_WAITING = 4096
# Below this many activations per thread, waking the thread costs more than it saves.
_SHARE = 1 << 17


def forward(
    receiver: Tensor, sender: Tensor, edge_map: Tensor, index: Tensor, edges: Tensor, coefficients: Tensor
) -> Tensor:
    """The moments (T, P, H); arguments as those of `message_moments`, on the CPU in one float type."""
    moments, width = coefficients.shape[2], receiver.shape[1]
    arrays = _arrays(receiver, sender, edge_map, index, edges, _padded(coefficients, 4))
    hidden, places = arrays[0].shape[1], arrays[5].shape[2]
    out = np.empty((receiver.shape[0], places * hidden), arrays[0].dtype)
    _forward(arrays, 0, out, hidden * np.arange(places))
    return _cut(out.reshape(-1, places, hidden), moments, width)


def forward_into(out: Tensor, places: list[int], receiver: Tensor, first: int, *others: Tensor) -> None:
    """Write the moments of messages into rows that hold other things, too; H is a multiple of `LANES`.

    Args:
        out: (T, ...), contiguous.
        places: columns of `out` where the H numbers of each of the four moments begin.
        receiver: (T, at least first + H), contiguous; A from column `first` on.
        first: that column.
        others: sender, edge_map, index, edges and coefficients of `message_moments`.
    """
    _forward(_arrays(receiver, *others), first, out.numpy(), np.array(places))


def _forward(arrays: tuple[np.ndarray, ...], first: int, out: np.ndarray, places: np.ndarray) -> None:
    receiver, _, edge_map, index, *_ = arrays
    slices = shares(0, len(receiver), share_count(index.size * edge_map.shape[1], _SHARE), 1)
    arguments = (receiver, first, *arrays[1:], out, places)
    _check(in_threads(forward_tokens, [(*part, *arguments) for part in slices]))


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
    arrays = _arrays(*tensors)
    receiver, sender, edge_map, index, edges, coefficients = arrays
    (tokens, neighbors), width, dtype = index.shape, receiver.shape[1], receiver.dtype
    cotangent = _padded(grad, LANES).contiguous().numpy()
    token_grads = (
        np.empty_like(receiver),
        np.zeros(edges.shape if needs_edges else (0, 0, 0), dtype),
        np.zeros(coefficients.shape if needs_coefficients else (0, 0, 0), dtype),
    )
    # Filled up to whole lanes, the gradient needs an array of its own.
    own = sender.shape != tuple(sender_total.shape) or not sender_total.is_contiguous()
    sender_grad = np.zeros_like(sender) if own else sender_total.numpy()
    map_grad = np.zeros(edge_map.shape)

    parts = share_count(index.size * width, _SHARE)
    chunk = max(1, parts * _WAITING // (BLOCK * max(1, neighbors))) * BLOCK
    rows = min(chunk, tokens)
    deltas = np.empty((rows, -(-neighbors // 4) * 4, width), dtype)
    targets = np.empty((rows, neighbors), np.int64)
    for start in range(0, tokens, chunk):
        stop = min(start + chunk, tokens)
        map_terms = np.zeros((-(-(stop - start) // BLOCK), *edge_map.shape), dtype)
        common = (start, arrays, cotangent, token_grads, map_terms, deltas, targets)
        slices = shares(start, stop, parts, BLOCK)
        _check(in_threads(backward_tokens, [(*part, *common) for part in slices]))
        for term in map_terms:
            map_grad += term
        waiting = (targets[: stop - start], deltas, sender_grad)
        in_threads(add_to_senders, [(part, parts, *waiting) for part in range(parts)])

    hidden = tensors[0].shape[1]
    if own:
        sender_total += _cut(sender_grad, hidden)
    return (
        _cut(token_grads[0], hidden),
        _cut(map_grad.astype(dtype), hidden),
        torch.from_numpy(token_grads[1]) if needs_edges else None,
        torch.from_numpy(token_grads[2]) if needs_coefficients else None,
    )


# --- arrays ---


def _arrays(receiver, sender, edge_map, index, edges, coefficients) -> tuple[np.ndarray, ...]:
    rows = [_padded(t, LANES) for t in (receiver, sender, edge_map)]
    return tuple(t.detach().contiguous().numpy() for t in (*rows, index.long(), edges, coefficients))


def _padded(tensor: Tensor, multiple: int) -> Tensor:
    """With zeros at the end of the last axis, so that its size is a multiple."""
    missing = -tensor.shape[-1] % multiple
    return torch.nn.functional.pad(tensor, (0, missing)) if missing else tensor


def _cut(array: np.ndarray, *sizes: int) -> Tensor:
    """The first `sizes` of the last axes."""
    return torch.from_numpy(array)[(..., *(slice(size) for size in sizes))].contiguous()


def _check(found: list[bool]) -> None:
    if not all(found):
        raise IndexError("index: expected rows of sender, got some that it does not have")
