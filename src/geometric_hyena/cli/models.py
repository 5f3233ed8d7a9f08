"""`ghyena models`: every model by name, with what there is to know before it is chosen."""

from dataclasses import asdict

from geometric_hyena.cli.words import take_options, wants_help
from geometric_hyena.errors import InputError, MissingDependencyError

_USAGE = """usage: ghyena models

Every model that train --model takes: its symmetry (SE(3): rotations and shifts; E(3): reflections, too), its
time in N tokens of k neighbours each, its parameters with the options that train has by default, whether it
gives scalars (s) and vectors (v), whether it sees the order of tokens, its paper, whose code it is and the
licence of that code. A model whose package is not installed has no size.

  ghyena train protein-md --model NAME [--match-parameters N]
"""
_SCALARS, _VECTORS = 16, 1
_HEADS: tuple[str, ...] = (
    "model",
    "group",
    "time",
    "size",
    "gives",
    "order",
    "paper",
    "code",
    "licence",
)


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    if wants_help(words):
        print(_USAGE, end="")
        return 0
    positional, _ = take_options(words, (), "models")
    if positional:
        raise InputError(f"models: takes no arguments, got '{' '.join(positional)}'")
    from geometric_hyena.models.descriptions import DESCRIPTIONS

    rows = [_HEADS]
    for name, about in DESCRIPTIONS.items():
        gives = " ".join(kind[0] for kind in about.gives)
        order = "yes" if about.ordered else "no"
        said = (about.symmetry, about.time, _parameters(name), gives, order, about.paper)
        rows.append((name, *said, about.package, about.licence))
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
    for row in rows:
        cells = (
            f"{cell:>{w}}" if head == "size" else f"{cell:{w}}"
            for cell, w, head in zip(row, widths, _HEADS, strict=True)
        )
        print("  ".join(cells).rstrip())
    print(f"size: parameters at {_options()}")
    return 0


def _options() -> str:
    from geometric_hyena.training.config import NetworkConfig

    network = NetworkConfig()
    return (
        f"{network.hidden_dim} hidden, {network.vector_channels} vector channels, {network.blocks} blocks, "
        f"for {_SCALARS} scalars and {_VECTORS} vector per token"
    )


def _parameters(name: str) -> str:
    from geometric_hyena.models.registry import build_model
    from geometric_hyena.models.size import parameter_count
    from geometric_hyena.training.config import NetworkConfig

    try:
        return f"{parameter_count(build_model(name, _SCALARS, _VECTORS, asdict(NetworkConfig()))):,}"
    except MissingDependencyError:
        return "-"
