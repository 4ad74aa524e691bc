"""The remedies: what each does to a network at initialisation, and what to type for it."""

from gradsuite.diagnosis.remedies.remedy import Remedy, default, remedies

__all__ = ["Remedy", "default", "remedies"]
