"""How many tokens and how many channels are worked on at a time, so that memory stays within a budget."""

from dataclasses import dataclass

import torch

from geometric_hyena.errors import InputError
from geometric_hyena.layers import staging
from geometric_hyena.layers.hyena_block import GeometricHyenaBlock
from geometric_hyena.memory import memory_size, resident_bytes, spoken_size
from geometric_hyena.models.geometric_hyena import GeometricHyena
from geometric_hyena.operators.fft import fft_length

# What the compiler, the FFT library and the allocator take on top of what is counted here.
_RESERVE = 400 << 20
# Where the system does not say what the process holds: Python with PyTorch.
_PROCESS = 600 << 20
# More tokens at a time make the calls to the disk no cheaper.
_LARGEST_BLOCK = 1 << 16
_MOST_CHANNELS = 64
# FFT plans are kept for so many lengths, and take so many bytes for every number of a row.
_PLANS, _PLAN_BYTES = 8, 12


@dataclass(frozen=True)
class Plan:
    """Tokens of a block, channels of a convolution, and bytes that features take on disk."""

    block: int
    channels: int
    disk: int


@dataclass(frozen=True)
class _Sizes:
    """Numbers per token of a model, and what its convolutions hold."""

    inputs: int  # that a stage takes in
    outputs: int  # that it puts out
    hidden: int
    edges: int
    pairs: bool  # whether scalars and vectors meet in a convolution
    convolves: bool
    zero: bool  # whether a convolution is padded to twice the length
    disk: int


def make_plan(
    model: GeometricHyena, lengths: list[int], neighbors: int, memory: int | str, extra: int = 0
) -> Plan:
    """The largest blocks that a budget allows.

    Args:
        model: the model.
        lengths: tokens of each sequence.
        neighbors: K.
        memory: bytes that the process may hold, or words such as "8GiB".
        extra: bytes per token that the caller takes.

    Raises:
        InputError: where the budget cannot be met; it says what it would take, and what would fit.
    """
    budget = memory_size(memory, "memory") if isinstance(memory, str) else memory
    tokens, size = sum(lengths), next(model.parameters()).element_size()
    sizes = _sizes(model, neighbors)
    held = (resident_bytes() or _PROCESS) + _RESERVE
    # Positions, and those to which blocks move them.
    per_token = 3 * size * (1 if model.moves is None else 2) + extra
    chunk = min(staging.CHUNK_TOKENS, tokens)
    fixed = held + _chunk_bytes(sizes, neighbors, size, chunk)
    shape = sorted(set(lengths), reverse=True)
    one = _convolution_bytes(sizes, shape, tokens, size, 1)
    row = 2 * size * (sizes.inputs + sizes.outputs)
    least = fixed + tokens * per_token + max(one, row * chunk)
    if budget < least:
        fits = max(0, budget - fixed) * tokens / max(1, least - fixed)
        would = f"about {fits:,.0f} tokens would fit" if fits >= chunk else "not even a short one would fit"
        raise InputError(
            f"memory: {spoken_size(budget)} are too little for {tokens:,} tokens, which need "
            f"{spoken_size(least)} ({spoken_size(held)} of them for the process itself); in "
            f"{spoken_size(budget)} {would}"
        )
    room = budget - fixed - tokens * per_token
    block = min(_LARGEST_BLOCK, room // row) // chunk * chunk
    channels = 1
    while (
        channels < _MOST_CHANNELS
        and _convolution_bytes(sizes, shape, tokens, size, 2 * channels) <= room // 2
    ):
        channels *= 2
    return Plan(max(chunk, block), channels, tokens * size * sizes.disk)


def _sizes(model: GeometricHyena, neighbors: int) -> _Sizes:
    hidden, channels = model.embed.to_scalars.out_features, model.embed.to_vectors.out_features
    features = hidden + 3 * channels
    convolving = [block for block in model.blocks if isinstance(block, GeometricHyenaBlock)]
    pairs = any(block.to_pairs is not None for block in convolving)
    emitted = (3 * features + 2 * channels * pairs) if convolving else 0
    entering = model.embed.to_vectors.in_features * 3 + model.dims["scalar_dim"]
    return _Sizes(
        inputs=features + emitted + entering,
        outputs=max(features, emitted),
        hidden=hidden + 8,
        edges=model.distance.count + model.dims["edge_dim"],
        pairs=pairs,
        convolves=bool(convolving),
        zero=any(block.padding == "zero" for block in convolving),
        # Features, what meets in the convolution, the rows of the messages, and moved positions.
        disk=features + emitted + hidden + 8 + 3,
    )


def _chunk_bytes(sizes: _Sizes, neighbors: int, size: int, chunk: int) -> int:
    """What a stage holds while it works on one chunk."""
    numbers = 3 * (sizes.inputs + sizes.outputs) + 16 * sizes.hidden + neighbors * (2 * sizes.edges + 16)
    sent = sizes.hidden * (neighbors + 4)  # rows of neighbours that lie anywhere
    return chunk * (size * (numbers + sent) + 40 * neighbors)


def _convolution_bytes(sizes: _Sizes, lengths: list[int], tokens: int, size: int, channels: int) -> int:
    """What the largest convolution holds for some channels at a time: components, spectra, plans."""
    if not sizes.convolves:
        return 0
    parts = 4 if sizes.pairs else 3
    longest = max(fft_length((2 if sizes.zero else 1) * length) for length in lengths)
    threads = min(torch.get_num_threads(), channels * (2 if len(lengths) > 1 else 1))
    rows = (10 if sizes.zero else 2) * parts * channels * tokens
    spectra = 3 * parts * threads * longest
    return size * (rows + spectra) + _PLAN_BYTES * min(_PLANS, len(lengths)) * longest * size // 4
