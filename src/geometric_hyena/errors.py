"""Errors that a user can mend: their text says what is wrong, where, and how to mend it.

The command line prints such an error as one line and exits with code 2; any other exception is a defect.
"""

_SHOWN = 160  # characters of a file's own text in a message


def shown(text: object, longest: int = _SHOWN) -> str:
    """Text out of a file as a message holds it: printable, on one line, cut where it is long."""
    whole = str(text)
    cut = whole if len(whole) <= longest else whole[: longest - 3] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


class GHyenaError(Exception):
    """Base of all errors raised for input that a user can mend."""


class InputError(GHyenaError, ValueError):
    """A file, an option or an array that cannot be used as given."""


class WriteError(InputError):
    """A file cannot be written: the disk is full, a quota is met, or the place is read-only."""


class MissingDependencyError(GHyenaError, ImportError):
    """An optional dependency is not installed; the text names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed; "
            f"install it with: pip install 'geometric-hyena[{extra}]'"
        )


class LostRankError(GHyenaError, RuntimeError):
    """Another process of a distributed run has ended, or did not answer in time."""
