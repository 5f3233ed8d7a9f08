"""N-body: charged particles, simulated; predict where each of them is some steps ahead."""

from geometric_hyena.data.nbody.config import NBodyConfig
from geometric_hyena.data.nbody.dataset import (
    Augmented,
    NBodyData,
    NBodyDataset,
    Shuffled,
    load_nbody,
)
from geometric_hyena.data.nbody.simulation import TIME_STEP, Trajectories, simulate
from geometric_hyena.data.nbody.states import EDGE_FEATURES, NODE_FEATURES, NBodySample

__all__ = [
    "EDGE_FEATURES",
    "NODE_FEATURES",
    "TIME_STEP",
    "Augmented",
    "NBodyConfig",
    "NBodyData",
    "NBodyDataset",
    "NBodySample",
    "Shuffled",
    "Trajectories",
    "load_nbody",
    "simulate",
]
