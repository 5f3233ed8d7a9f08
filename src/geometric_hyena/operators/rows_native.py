"""One row of a convolution, a sequence of one channel of one component, into its spectrum and back.

Compiled by Numba, which inlines it into the kernels of `convolution_native`. The row lies in scratch memory
and is transformed in place, so that it stays in the cache from its tokens to its spectrum.
"""

from geometric_hyena.operators.jit import array_at, compiled, inlined, pointer_at, transform_in_place

# Blocks are summed in the type of the numbers, their sums in double precision.
_BLOCK = 1024


@compiled
def _sum(x, zero):
    total = zero
    for i in range(x.shape[0]):
        total += x[i]
    return total


@compiled
def _mean(x, zero):
    total = 0.0
    for start in range(0, x.shape[0], _BLOCK):
        total += _sum(x[start : min(start + _BLOCK, x.shape[0])], zero)
    return total / x.shape[0]


@compiled
def _subtract(x, mean, out):
    for i in range(x.shape[0]):
        out[i] = x[i] - mean


@compiled
def copy_numbers(x, out):
    """Out = x."""
    for i in range(x.shape[0]):
        out[i] = x[i]


@compiled
def scale_numbers(x, s, constant, out):
    """Out = s x + constant."""
    for i in range(x.shape[0]):
        out[i] = s * x[i] + constant


@compiled
def _scale_sum(x, y, s, constant, out):
    for i in range(x.shape[0]):
        out[i] = s * (x[i] + y[i]) + constant


@inlined
def analyse_row(tokens, length, row, transform, periodic, plan, forward, zero):
    """Spectrum of the fluctuation of a sequence, its mean in the first bin; gives the FFT's status.

    Args:
        tokens: address of the sequence.
        length: its tokens.
        row: address of transform + 2 numbers, which become the spectrum.
        transform: length of the FFT.
        periodic: bool; after the sequence comes not zero, but the sequence once more.
        plan: of the FFT.
        forward: the FFT.
        zero: 0 in the type of all numbers.
    """
    x, out = array_at(tokens, 0, length, zero), array_at(row, 0, transform + 2, zero)
    # Twice written, to have the mean in the type of the numbers.
    out[0] = _mean(x, zero)
    mean = out[0]
    _subtract(x, mean, out)
    if transform > length:
        stop = 2 * length - 1 if periodic else length
        copy_numbers(out[: stop - length], out[length:stop])
        out[stop:] = zero
    status = transform_in_place(forward, plan, pointer_at(row, 0, zero))
    out[0], out[1] = mean, zero
    return status


@inlined
def synthesise_row(row, transform, tokens, length, fold, plan, backward, s):
    """Write a sequence from its spectrum, whose first bin is the mean; gives the FFT's status.

    Args:
        row: address of the spectrum, overwritten.
        transform: length of the FFT.
        tokens: address of the sequence, written.
        length: its tokens.
        fold: bool; what lies behind the sequence's length is added to its beginning.
        plan: of the FFT.
        backward: the FFT.
        s: factor, in the type of all numbers.
    """
    x, out = array_at(row, 0, transform + 2, s), array_at(tokens, 0, length, s)
    # Twice written, to have products in the type of the numbers.
    x[1] = x[0] * s * length
    constant = x[1]
    x[1] = s / transform
    factor = x[1]
    x[0] = x[1] = s - s
    status = transform_in_place(backward, plan, pointer_at(row, 0, s))
    if fold and transform > length:
        _scale_sum(x[: length - 1], x[length : 2 * length - 1], factor, constant, out[: length - 1])
        out[length - 1] = factor * x[length - 1] + constant
    else:
        scale_numbers(x[:length], factor, constant, out)
    return status
