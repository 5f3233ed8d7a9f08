"""Secondary structure from sequence, by ViennaRNA."""

from typing import Any

import numpy as np

from geometric_hyena.errors import MissingDependencyError


def fold(sequence: str) -> str:
    """The structure of minimum free energy at 37 °C, as dot-bracket.

    Raises:
        MissingDependencyError: where ViennaRNA is not installed.
    """
    return _vienna().fold(sequence)[0]


def pair_probabilities(sequence: str) -> np.ndarray:
    """Probability that two nucleotides pair at 37 °C, (N, N) float32, symmetric.

    Raises:
        MissingDependencyError: where ViennaRNA is not installed.
    """
    compound = _vienna().fold_compound(sequence)
    _, energy = compound.mfe()
    compound.exp_params_rescale(energy)
    compound.pf()
    # ViennaRNA counts from 1 and fills the upper triangle.
    upper = np.array(compound.bpp(), dtype=np.float32)[1:, 1:]
    return upper + upper.T


def _vienna() -> Any:
    try:
        import RNA
    except ImportError:
        raise MissingDependencyError("viennarna", "bio", "folding RNA") from None
    return RNA
