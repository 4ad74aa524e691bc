"""Every check of the interface."""

from gradsuite.testing import BackendConformance
from gradsuite_hips.backend import HipsBackend


class TestHips(BackendConformance):
    """Runs `gradsuite check hips-autograd` check by check."""

    backend = HipsBackend()
