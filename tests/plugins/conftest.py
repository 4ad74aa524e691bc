"""The backends that every test of this folder can ask for, by name; one whose framework is missing is skipped."""

from pkgutil import resolve_name

import pytest
from gradsuite.backend import Backend

BACKENDS = {
    "numpy": "gradsuite_numpy.backend:NumpyBackend",
    "torch": "gradsuite_torch.backend:TorchBackend",
    "jax": "gradsuite_jax.backend:JaxBackend",
}


def load(name: str) -> Backend:
    pytest.importorskip(name)
    return resolve_name(BACKENDS[name])()


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Return each backend in turn."""
    return load(request.param)


@pytest.fixture(scope="session", params=["numpy", "torch"])
def eager(request: pytest.FixtureRequest) -> Backend:
    """Return each backend in turn that compiles nothing, so that hundreds of shapes take no time."""
    return load(request.param)


@pytest.fixture(scope="session", params=["jax"])
def compiling(request: pytest.FixtureRequest) -> Backend:
    """Return each backend in turn that the other one leaves out: every shape takes it a good part of a second."""
    return load(request.param)
