"""Checks of the operators' arguments: one `ValueError` naming the argument and what was expected."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from geometric_hyena.operators.convolution import NORMS

Lengths = Tensor | Sequence[int]


def check_norm(norm: str) -> None:
    """Raise unless `norm` is one of the three."""
    check_choice("norm", norm, NORMS)


def check_choice(name: str, given: str, choices: Sequence[str]) -> None:
    """Raise unless a word is one of the choices."""
    if given not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {given!r}")


def check_tokens(
    name: str,
    tensor: Tensor,
    expected: str,
    ndim: tuple[int, int],
    like: Tensor | None = None,
    components: tuple[int, ...] = (),
) -> None:
    """Raise unless `tensor` is floating point, packed or padded, and fits `like` in shape, dtype, device.

    Its shape is that of `like`, followed by `components`.
    """
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{name}: expected a tensor of shape {expected}, got {type(tensor).__name__}")
    if tensor.ndim not in ndim:
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(tensor.shape)}")
    if not tensor.is_floating_point():
        raise ValueError(f"{name}: expected a floating-point dtype, got {tensor.dtype}")
    if like is None:
        return
    if tensor.shape != like.shape + components:
        raise ValueError(f"{name}: expected shape {(*like.shape, *components)}, got {tuple(tensor.shape)}")
    if tensor.dtype != like.dtype or tensor.device != like.device:
        raise ValueError(
            f"{name}: expected {like.dtype} on {like.device}, got {tensor.dtype} on {tensor.device}"
        )


def check_device(name: str, tensor: Tensor, like: Tensor) -> None:
    """Raise unless a tensor lies where `like` does."""
    if tensor.device != like.device:
        raise ValueError(f"{name}: expected a tensor on {like.device}, got one on {tensor.device}")


def check_vector_axis(name: str, tensor: Tensor, expected: str) -> None:
    """Raise unless the last axis holds x, y, z."""
    if tensor.shape[-1] != 3:
        raise ValueError(
            f"{name}: expected shape {expected} with a last axis of 3, got {tuple(tensor.shape)}"
        )


def check_scalars(**tensors: Tensor) -> None:
    """Raise unless the tensors, given by name, are scalars of tokens, and all like the first."""
    _check_alike(tensors, "(B, N, D) or packed (T, D)", (2, 3))


def check_vectors(**tensors: Tensor) -> None:
    """Raise unless the tensors, given by name, are vectors of tokens, and all like the first."""
    _check_alike(tensors, "(B, N, C, 3) or packed (T, C, 3)", (3, 4), check_vector_axis)


def _check_alike(
    tensors: dict[str, Tensor],
    expected: str,
    ndim: tuple[int, int],
    check_first: Callable[[str, Tensor, str], None] | None = None,
) -> None:
    like = None
    for name, tensor in tensors.items():
        check_tokens(name, tensor, expected, ndim, like=like)
        if like is None:
            like = tensor
            if check_first is not None:
                check_first(name, tensor, expected)


def checked_lengths(lengths: Lengths | None, tokens: Tensor, packed: bool) -> list[int]:
    """The sequences' lengths as a list, checked against padded tokens (B, N, ...) or packed ones (T, ...)."""
    if lengths is None:
        if packed:
            return [tokens.shape[0]] if tokens.shape[0] else []
        return [tokens.shape[1]] * tokens.shape[0] if tokens.shape[1] else []
    values = _whole_numbers(lengths)
    if packed:
        for row, n in enumerate(values):
            if n < 1:
                raise ValueError(f"lengths: expected at least 1, got {n} at row {row}")
        if sum(values) != tokens.shape[0]:
            raise ValueError(
                f"lengths: expected numbers that sum to the {tokens.shape[0]} packed tokens, "
                f"got a sum of {sum(values)}"
            )
        return values
    batch, longest = tokens.shape[:2]
    if len(values) != batch:
        raise ValueError(f"lengths: expected {batch} entries, one per sequence, got {len(values)}")
    for row, n in enumerate(values):
        if not 1 <= n <= longest:
            raise ValueError(f"lengths: expected values from 1 to {longest}, got {n} at row {row}")
    return values


def _whole_numbers(lengths: Lengths) -> list[int]:
    # A list stays one: `torch.export` takes the numbers of a tensor made on the way for unknown.
    if isinstance(lengths, list) and all(type(n) is int for n in lengths):
        return lengths
    try:
        tensor = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"lengths: expected integers of shape (B,), got {lengths!r}") from None
    if tensor.is_floating_point() or tensor.dtype == torch.bool or tensor.ndim != 1:
        raise ValueError(
            f"lengths: expected integers of shape (B,), got {tensor.dtype} {tuple(tensor.shape)}"
        )
    return tensor.tolist()
