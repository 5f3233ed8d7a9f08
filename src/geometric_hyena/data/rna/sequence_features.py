"""What a sequence model sees of an RNA: letters, brackets, loop types and partners, no geometry."""

import numpy as np
import torch
from torch import Tensor

from geometric_hyena.data.rna.loop_types import LOOP_TYPES
from geometric_hyena.data.rna.records import RnaRecord
from geometric_hyena.data.rna.secondary_structure import partners

_LETTERS = "ACGU"
_BRACKETS = ".()"
SEQUENCE_FEATURES = len(_LETTERS) + len(_BRACKETS) + len(LOOP_TYPES) + len(_LETTERS)


def sequence_features(record: RnaRecord) -> Tensor:
    """One-hot letter, bracket, loop type, and partner's letter (zeros where unpaired), (N, 18) float32."""
    partner = partners(record.structure)
    place = np.arange(len(record))
    letters = np.eye(4)[[_LETTERS.index(letter) for letter in record.sequence]]
    brackets = np.eye(3)[np.where(partner < 0, 0, np.where(partner > place, 1, 2))]
    loops = np.eye(len(LOOP_TYPES))[[LOOP_TYPES.index(letter) for letter in record.loop_types]]
    paired = letters[partner] * (partner >= 0)[:, None]
    return torch.from_numpy(np.concatenate([letters, brackets, loops, paired], axis=1).astype(np.float32))
