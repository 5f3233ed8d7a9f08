"""Message passing without per-edge tensors: aggregated moments of one-layer-perceptron messages.

A message m_ij = silu(W [f_i, f_j, e_ij] + b) is a sum of per-token linear maps, A_i + B_j, and a map of the
few edge features, before the activation. All that a layer needs of the messages is linear in them, so their
moments M_i[p] = sum_j c_ijp m_ij with c_ij = (1, r_ij / |N_i|) are summed first and mapped afterwards: the
cost does not depend on the number of vector channels.
"""

from types import ModuleType

import torch
from torch import Tensor

from geometric_hyena.operators.derivatives import first_derivatives_only
from geometric_hyena.operators.eager import eager
from geometric_hyena.operators.kernels import native_backend

# Edges per chunk are chosen so that the chunk's messages stay in the processor's cache.
_CHUNK_ELEMENTS = 1 << 18


@eager
def message_moments(
    receiver: Tensor,
    sender: Tensor,
    edge_map: Tensor,
    index: Tensor,
    edges: Tensor,
    coefficients: Tensor,
    *,
    sender_grad: Tensor | None = None,
) -> Tensor:
    """M_i[p] = sum_j c_ijp silu(A_i + B_j + e_ij W), in chunks of tokens; the backward recomputes the edges.

    Compiled by Numba on the CPU and by Triton on a GPU where these are installed, see `operators.kernels`.

    Args:
        receiver: A, (T, H).
        sender: B, (S, H); the tokens that send (the same T tokens, or global ones).
        edge_map: W, (E, H).
        index: (T, K) rows of `sender`.
        edges: e, (T, K, E) edge features.
        coefficients: c, (T, K, P); zero where a place in the table is padding.
        sender_grad: (S, H), to which the backward adds the gradient to `sender` in place of returning it;
            for a caller that sums over chunks of receivers.

    Returns:
        (T, P, H).
    """
    return _MessageMoments.apply(receiver, sender, edge_map, index, edges, coefficients, sender_grad)


class _MessageMoments(torch.autograd.Function):
    @staticmethod
    def forward(ctx, receiver, sender, edge_map, index, edges, coefficients, sender_grad):
        ctx.save_for_backward(receiver, sender, edge_map, index, edges, coefficients)
        ctx.sender_grad = sender_grad
        ctx.native = _native(receiver, sender, edge_map, edges, coefficients)
        if ctx.native is not None:
            return ctx.native.forward(receiver, sender, edge_map, index, edges, coefficients)
        out = receiver.new_empty(receiver.shape[0], coefficients.shape[2], receiver.shape[1])
        for chunk in _chunks(index, receiver.shape[1]):
            messages = torch.nn.functional.silu(
                _hidden(receiver, sender, edge_map, index, edges, chunk), inplace=True
            )
            torch.matmul(coefficients[chunk].transpose(1, 2), messages, out=out[chunk])
        return out

    @staticmethod
    @first_derivatives_only
    def backward(ctx, grad):
        saved = ctx.saved_tensors  # asked for once: hooks unpack them anew each time
        receiver, sender, edge_map, index, edges, coefficients = saved
        needs_edges, needs_coefficients = ctx.needs_input_grad[4:6]
        sender_grad = torch.zeros_like(sender) if ctx.sender_grad is None else ctx.sender_grad
        sender_out = sender_grad if ctx.sender_grad is None else None
        if ctx.native is not None:
            receiver_grad, map_grad, edges_grad, coefficients_grad = ctx.native.backward(
                grad, saved, sender_grad, needs_edges, needs_coefficients
            )
            return receiver_grad, sender_out, map_grad, None, edges_grad, coefficients_grad, None
        grad = grad.contiguous()
        receiver_grad = torch.empty_like(receiver)
        map_grad = torch.zeros_like(edge_map)
        edges_grad = torch.empty_like(edges) if needs_edges else None
        coefficients_grad = torch.empty_like(coefficients) if needs_coefficients else None
        width = receiver.shape[1]
        for chunk in _chunks(index, width):
            hidden = _hidden(receiver, sender, edge_map, index, edges, chunk)
            gate = torch.sigmoid(hidden)
            messages = hidden * gate
            if coefficients_grad is not None:
                torch.matmul(messages, grad[chunk].transpose(1, 2), out=coefficients_grad[chunk])
            # silu'(h) = s + h s (1 - s) = s + m (1 - s) with s = sigmoid(h), m = silu(h)
            slope = torch.addcmul(messages, messages, gate, value=-1).add_(gate)
            delta = torch.matmul(coefficients[chunk], grad[chunk]).mul_(slope)
            torch.sum(delta, dim=1, out=receiver_grad[chunk])
            flat = delta.flatten(0, 1)
            sender_grad.index_add_(0, index[chunk].flatten(), flat)
            map_grad.addmm_(edges[chunk].flatten(0, 1).T, flat)
            if edges_grad is not None:
                torch.matmul(delta, edge_map.T, out=edges_grad[chunk])
        return receiver_grad, sender_out, map_grad, None, edges_grad, coefficients_grad, None


def _native(*tensors: Tensor) -> ModuleType | None:
    """The module of compiled kernels that serves these tensors, if any."""
    backend = native_backend(*tensors)
    if backend == "numba":
        from geometric_hyena.operators import messages_native

        return messages_native
    # Triton's kernel adds to the senders in no fixed order.
    if backend == "triton" and not torch.are_deterministic_algorithms_enabled():
        from geometric_hyena.operators import messages_triton

        return messages_triton
    return None


def _chunks(index: Tensor, width: int) -> list[slice]:
    tokens, neighbors = index.shape
    # A GPU has no such cache to respect, and would drown in small launches.
    step = tokens if index.is_cuda else max(1, _CHUNK_ELEMENTS // max(1, neighbors * width))
    return [slice(start, min(start + step, tokens)) for start in range(0, tokens, max(step, 1))]


def _hidden(receiver, sender, edge_map, index, edges, chunk: slice) -> Tensor:
    """A_i + B_j + e_ij W of one chunk of tokens, (n, K, H)."""
    hidden = torch.matmul(edges[chunk], edge_map)
    hidden += sender[index[chunk].flatten()].view_as(hidden)
    hidden += receiver[chunk, None]
    return hidden
