"""How the gradient flows: passes over a patient, its norm by lag, the horizon and the verdict."""

from gradsuite.diagnosis.flow.flow import Flow, Rate, by_lag, together
from gradsuite.diagnosis.flow.passes import Passes, name_of

__all__ = ["Flow", "Passes", "Rate", "by_lag", "name_of", "together"]
