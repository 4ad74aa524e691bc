"""The remedies: what each does to a network at initialisation, and what to type for it."""

from gradsuite.diagnosis.remedies.remedy import Remedy, default, remedies
from gradsuite.diagnosis.remedies.tried import SEEDS, Tried, flow_in_place, try_out

__all__ = ["SEEDS", "Remedy", "Tried", "default", "flow_in_place", "remedies", "try_out"]
