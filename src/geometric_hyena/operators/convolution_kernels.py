"""Whole convolutions compiled by Numba: each sequence of each channel from its tokens to its result.

All that belongs to one sequence of one channel, an item, is done by one thread while it is in the cache: FFTs
of the components in place, their product, and back; or, of very short sequences, the sum itself. Items are
numbered channel by channel.
"""

import numpy as np

from geometric_hyena.operators.combine_native import product_row, term_sums_row, terms_row
from geometric_hyena.operators.direct_native import (
    copy_row,
    product_direct,
    scale_row,
    term_sums_direct,
    terms_direct,
)
from geometric_hyena.operators.jit import array_at, compiled, inlined
from geometric_hyena.operators.rows_native import analyse_row, synthesise_row


@inlined
def _analyse(components, channel, sequence, spectrum, periodic, forward, scales):
    """Spectra of all components, one behind the other, or short sequences as they are; the FFT's status."""
    start, length, transform, plan, step = sequence[0], sequence[1], sequence[2], sequence[3], sequence[4]
    status, size, zero = 0, scales.itemsize, scales[0] - scales[0]
    for p in range(components.shape[0]):
        tokens = components[p, 0] + size * (channel * components[p, 1] + start)
        row = spectrum + size * p * step
        if transform:
            status |= analyse_row(tokens, length, row, transform, periodic, plan, forward, zero)
        else:
            copy_row(tokens, length, row, zero)
    return status


@inlined
def _synthesise(components, channel, sequence, spectrum, fold, backward, s, size):
    """The components from their spectra, or from the sums; gives the FFT's status."""
    start, length, transform, plan, step = sequence[0], sequence[1], sequence[2], sequence[3], sequence[4]
    status = 0
    for p in range(components.shape[0]):
        tokens = components[p, 0] + size * (channel * components[p, 1] + start)
        row = spectrum + size * p * step
        if transform:
            status |= synthesise_row(row, transform, tokens, length, fold, plan, backward, s)
        else:
            scale_row(row, tokens, length, s)
    return status


@inlined
def _combine(a, b, out, count, sequence, weights, steps, order, terms, signs, one, w):
    """out = a * b: the geometric product where there are weights, which are a channel's, else another.

    Spectra of `b` are conjugated where `one` is -1, and short sequences correlated.
    """
    length, transform, step = sequence[1], sequence[2], sequence[4]
    bins, zero = transform // 2 + 1, one - one
    if weights:
        for t in range(5):
            w[t] = signs[t] * array_at(weights, order[t] * steps, 1, one)[0]
        if transform:
            product_row(a, b, out, step, bins, w, one)
        else:
            product_direct(a, b, out, step, length, w, one < zero, zero)
    elif transform:
        terms_row(a, b, out, count, step, bins, terms, signs, one)
    else:
        terms_direct(a, b, out, count, step, length, terms, signs, one < zero)


@compiled
def forward_items(
    sequences, scales, components, q_size, k_size, weights, weight_step, channel_step,
    order, terms, signs, kept, kept_step, scratch, ffts, first, last,
):  # fmt: skip
    """Convolve items first .. last - 1; gives 0, or the status of an FFT that failed.

    Args:
        sequences: (S, 6) of each sequence: first token, tokens, length of its FFT (0: the sum itself), plan,
            numbers from one component of its spectrum to the next, and the sum of these over the sequences
            before.
        scales: (S,) the factor s of each sequence, in the type of all numbers.
        components: (P, 2) of q, k and the result, which is written: address of each component, and numbers
            from one of its channels to the next.
        q_size: how many of them are of q.
        k_size: how many of k.
        weights: address of the weights, 0 for a product without them.
        weight_step: numbers from one weight to the next.
        channel_step: numbers from one channel's weight to the next's.
        order: (5,) which weight stands where in a geometric product.
        terms: (n, 3) the terms of another product.
        signs: (5,) or (n,) signs of either.
        kept: address of the spectra of q and k, written, item by item; 0 where they are not wanted.
        kept_step: numbers from one channel to the next, of one component.
        scratch: address of memory for the spectra of one item.
        ffts: (2,) addresses of the FFTs, forward and backward.
        first: first item.
        last: item after the last.
    """
    size, both = scales.itemsize, q_size + k_size
    u_size = components.shape[0] - both
    w, status = np.empty(5, scales.dtype), 0
    for item in range(first, last):
        channel, number = item // sequences.shape[0], item % sequences.shape[0]
        sequence, s = sequences[number], scales[number]
        step = sequence[4]
        q_hat, u_hat = scratch, scratch + size * both * step
        if kept:
            q_hat, u_hat = kept + size * both * (channel * kept_step + sequence[5]), scratch
        elif weights and sequence[2]:
            u_hat = q_hat  # the product of spectra may overwrite its factors, which are in the cache
        k_hat = q_hat + size * q_size * step
        status |= _analyse(components[:both], channel, sequence, q_hat, False, ffts[0], scales)
        own = weights + size * channel * channel_step if weights else 0
        _combine(q_hat, k_hat, u_hat, u_size, sequence, own, weight_step, order, terms, signs, s / s, w)
        status |= _synthesise(components[both:], channel, sequence, u_hat, True, ffts[1], s, size)
    return status


@compiled
def backward_items(
    sequences, scales, components, g_size, q_size, k_size, needs_q, needs_k,
    weights, weight_step, channel_step, q_order, q_terms, q_signs, k_order, k_terms, k_signs,
    kept, kept_step, sums, scratch, ffts, first, last,
):  # fmt: skip
    """Gradients of items first .. last - 1; gives 0, or the status of an FFT that failed.

    Args:
        sequences: as in `forward_items`, and so all arguments of the same names.
        scales: likewise.
        components: of the incoming gradient, of q and k unless their spectra are kept, and of the gradients
            to q and k, as far as these are wanted, which are written.
        g_size: how many of them are of the incoming gradient.
        q_size: how many of q.
        k_size: how many of k.
        needs_q: bool; the gradient to q is wanted.
        needs_k: bool; that to k is wanted.
        weights: as in `forward_items`.
        weight_step: likewise.
        channel_step: likewise.
        q_order: order, terms and signs of the product that gives the gradient to q.
        q_terms: likewise.
        q_signs: likewise.
        k_order: the same for the gradient to k.
        k_terms: likewise.
        k_signs: likewise.
        kept: address of the spectra of q and k, or 0 to compute them again.
        kept_step: as in `forward_items`.
        sums: (items, 5) float64, written: the gradient to the weights; (0, 5) where it is not wanted.
        scratch: address of memory for the spectra of one item.
        ffts: (2,) addresses of the FFTs.
        first: first item.
        last: item after the last.
    """
    size, both = scales.itemsize, q_size + k_size
    w, status = np.empty(5, scales.dtype), 0
    grads, inputs = components[:g_size], components[g_size : g_size + both]
    targets = components[g_size:] if kept else components[g_size + both :]
    for item in range(first, last):
        channel, number = item // sequences.shape[0], item % sequences.shape[0]
        sequence, s = sequences[number], scales[number]
        length, transform, step = sequence[1], sequence[2], sequence[4]
        # The adjoint of folding is periodic extension; of the means' constant, the mean itself.
        g_hat, u_hat = scratch, scratch + size * g_size * step
        status |= _analyse(grads, channel, sequence, g_hat, True, ffts[0], scales)
        if kept:
            q_hat = kept + size * both * (channel * kept_step + sequence[5])
        else:
            q_hat = u_hat + size * max(q_size, k_size) * step
            status |= _analyse(inputs, channel, sequence, q_hat, False, ffts[0], scales)
        k_hat = q_hat + size * q_size * step
        if sums.shape[0]:
            # By Parseval's theorem, without transforming back: a real transform keeps half the spectrum, so
            # every bin but the first and the last (at even lengths) counts for itself and its mirror image.
            # The first is the means' and counts N^2 times the length of the transform.
            first_bin, half = float(transform) * length * length, transform % 2 == 0
            if transform:
                bins = transform // 2 + 1
                term_sums_row(q_hat, k_hat, g_hat, step, bins, first_bin, half, sums[item], s - s)
            else:
                term_sums_direct(q_hat, k_hat, g_hat, step, length, sums[item], s - s)
            for t in range(5):
                sums[item, t] *= s / max(transform, 1)
        own = weights + size * channel * channel_step if weights else 0
        if needs_q:
            _combine(
                g_hat, k_hat, u_hat, q_size, sequence, own, weight_step, q_order, q_terms, q_signs, -s / s, w
            )
            status |= _synthesise(targets[:q_size], channel, sequence, u_hat, False, ffts[1], s, size)
        if needs_k:
            of_k = targets[q_size:] if needs_q else targets
            _combine(
                g_hat, q_hat, u_hat, k_size, sequence, own, weight_step, k_order, k_terms, k_signs, -s / s, w
            )
            status |= _synthesise(of_k, channel, sequence, u_hat, False, ffts[1], s, size)
    return status
