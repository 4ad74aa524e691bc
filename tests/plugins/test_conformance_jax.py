"""The jax backend keeps every promise of the interface."""

import pytest

pytest.importorskip("jax")

from gradsuite.testing import BackendConformance
from gradsuite_jax.backend import JaxBackend


class TestJax(BackendConformance):
    """Runs `gradsuite check jax` check by check."""

    backend = JaxBackend
