"""A question that stands in files: a state dict beside data, or a Python file with a network in it."""

from gradsuite.diagnosis.files.program import asked
from gradsuite.diagnosis.files.state_dict import read_state_dict
from gradsuite.diagnosis.files.stored import StoredNetwork, stored_network

__all__ = ["StoredNetwork", "asked", "read_state_dict", "stored_network"]
