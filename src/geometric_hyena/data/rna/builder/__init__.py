"""The embedded builder: from sequence and secondary structure to an all-atom sketch."""

from geometric_hyena.data.rna.builder.cache import build_sketches
from geometric_hyena.data.rna.builder.sketch import SKETCH_NOTE, build_sketch

__all__ = ["SKETCH_NOTE", "build_sketch", "build_sketches"]
