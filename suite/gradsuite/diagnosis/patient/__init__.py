"""The patient: what somebody asks, and their layers as the suite computes them, or what is seen of the network."""

from gradsuite.diagnosis.patient.patient import Patient, Seen, Swap, with_identity
from gradsuite.diagnosis.patient.question import INSTALL, LOSSES, MOST, Loss, Question
from gradsuite.diagnosis.patient.traced import Axis, Traced
from gradsuite.diagnosis.patient.trouble import Stage, Trouble

__all__ = [
    "INSTALL",
    "LOSSES",
    "MOST",
    "Axis",
    "Loss",
    "Patient",
    "Question",
    "Seen",
    "Stage",
    "Swap",
    "Traced",
    "Trouble",
    "with_identity",
]
