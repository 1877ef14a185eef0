"""Diagnosis: verdicts on a network and its training, each with its evidence, its cause and its cure."""

from glassgrad.explaining.diagnosis.rules import diagnose
from glassgrad.explaining.diagnosis.verdict import Diagnosis, Place, Verdict

__all__ = ["Diagnosis", "Place", "Verdict", "diagnose"]
