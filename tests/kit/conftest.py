import pytest

from tests.docs.blocks import ROOT
from tests.kit.environment import Environment


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return a clean environment with gradsuite from this checkout, torch and jax, and nothing of this one."""
    return Environment.make(tmp_path_factory.mktemp("clean") / "environment", f"{ROOT}[torch,jax]")
