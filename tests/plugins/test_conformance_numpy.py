"""The NumPy backend keeps every promise of the interface."""

from gradsuite.testing import BackendConformance
from gradsuite_numpy.backend import NumpyBackend


class TestNumpy(BackendConformance):
    """Runs `gradsuite check numpy` check by check."""

    backend = NumpyBackend
