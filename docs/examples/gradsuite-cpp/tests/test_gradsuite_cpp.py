"""Every check of the interface, on the command as the plugin registers it."""

from gradsuite import backend
from gradsuite.testing import BackendConformance


class TestCpp(BackendConformance):
    """Runs `gradsuite check cpp-loops` check by check."""

    backend = backend("cpp-loops")
