"""A question that is asked in files: a state dict with data, or a Python file in which a network stands."""

from gradsuite.diagnosis.files.program import asked
from gradsuite.diagnosis.files.state_dict import read
from gradsuite.diagnosis.files.stored import StoredNetwork, stored

__all__ = ["StoredNetwork", "asked", "read", "stored"]
