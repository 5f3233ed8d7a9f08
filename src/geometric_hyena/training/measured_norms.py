"""Normalisations over molecules as they are in prediction, measured before weights are judged."""

from typing import Any

import torch
from torch import nn
from torch.utils.data import BatchSampler

from geometric_hyena.models.sequence_norm import SequenceNorm, measured
from geometric_hyena.training.task import PREDICTED_TOGETHER, Task

# More molecules would hardly move a mean.
_MOST = 256


@torch.no_grad()
def measure_norms(predictor: nn.Module, task: Task, device: Any) -> None:
    """Let the predictor's `SequenceNorm`s, if it has any, keep what they meet of the training samples.

    Dropout leaves nothing out and the weights are an average: what was met while training is not the same.
    Of processes that train together every one does it all, and finds the same.
    """
    if not any(isinstance(part, SequenceNorm) for part in predictor.modules()):
        return
    samples = task.undisturbed()
    chosen = range(0, len(samples), -(-len(samples) // _MOST))
    training = predictor.training
    with measured(predictor.eval()):
        for places in BatchSampler(chosen, PREDICTED_TOGETHER, drop_last=False):
            predictor(task.collate([samples[place] for place in places]).inputs.to(device))
    predictor.train(training)
