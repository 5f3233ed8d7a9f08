"""Secondary structure from sequence, by ViennaRNA."""

from typing import Any

import numpy as np

from geometric_hyena.errors import InputError, MissingDependencyError

# Folding takes memory in N^2 and time in N^3; where its memory ends, ViennaRNA ends the process.
LONGEST_FOLDED = 10_000


def fold(sequence: str) -> str:
    """The structure of minimum free energy at 37 °C, as dot-bracket.

    Raises:
        InputError: for more than LONGEST_FOLDED nucleotides.
        MissingDependencyError: where ViennaRNA is not installed.
    """
    _check_length(sequence)
    return _vienna().fold(sequence)[0]


def pair_probabilities(sequence: str) -> np.ndarray:
    """Probability that two nucleotides pair at 37 °C, (N, N) float32, symmetric.

    Raises:
        InputError: for more than LONGEST_FOLDED nucleotides.
        MissingDependencyError: where ViennaRNA is not installed.
    """
    _check_length(sequence)
    compound = _vienna().fold_compound(sequence)
    _, energy = compound.mfe()
    compound.exp_params_rescale(energy)
    compound.pf()
    # ViennaRNA counts from 1 and fills the upper triangle.
    upper = np.array(compound.bpp(), dtype=np.float32)[1:, 1:]
    return upper + upper.T


def vienna_version() -> str:
    """The version of ViennaRNA.

    Raises:
        MissingDependencyError: where it is not installed.
    """
    return str(_vienna().__version__)


def _check_length(sequence: str) -> None:
    if len(sequence) > LONGEST_FOLDED:
        raise InputError(
            f"folding: {len(sequence)} nucleotides are more than ViennaRNA folds here ({LONGEST_FOLDED}); "
            f"give base pairs, and data.pair_probabilities false"
        )


def _vienna() -> Any:
    try:
        import RNA
    except ImportError:
        raise MissingDependencyError("viennarna", "bio", "folding RNA") from None
    return RNA
