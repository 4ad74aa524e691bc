"""How the gradient flows: passes over a patient, its norm by lag, the horizon and the verdict."""

from gradsuite.diagnosis.flow.flow import NOTHING, Flow, Rate, by_lag, distance, together
from gradsuite.diagnosis.flow.passes import Passes, name_of
from gradsuite.diagnosis.flow.reads import first_sequences, mixes
from gradsuite.diagnosis.flow.traced import of_traced
from gradsuite.diagnosis.flow.whole import of_layers, to_explain

__all__ = [
    "NOTHING",
    "Flow",
    "Passes",
    "Rate",
    "by_lag",
    "distance",
    "first_sequences",
    "mixes",
    "name_of",
    "of_layers",
    "of_traced",
    "to_explain",
    "together",
]
