"""The RNA recipes: measurements per nucleotide or per molecule, from structures or sketches of them."""

from geometric_hyena.training.rna.config import OpenVaccineRun, RibonanzaRun, RnaRun, TcRiboRun
from geometric_hyena.training.rna.predict import predict_rna
from geometric_hyena.training.rna.task import RnaTask

__all__ = ["OpenVaccineRun", "RibonanzaRun", "RnaRun", "RnaTask", "TcRiboRun", "predict_rna"]
