import fcntl
import os
from dataclasses import replace

import pytest

from tests.docs.blocks import ROOT
from tests.kit.environment import Environment


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Environment:
    """Return an environment with gradsuite from this checkout, torch and jax, and nothing of this one.

    One process of the tests makes it, and the others wait for it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    made, environment = shared / "clean-is-made", Environment(shared / "clean")
    with (shared / "clean-is-being-made").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            Environment.make(environment.folder, f"{ROOT}[torch,jax]")
            # Compiled to bytecode once: the tests, which all begin with these imports, would each do it.
            environment.run("python -c 'import gradsuite.conformance, jax, torch'", ROOT)
            made.touch()
    return environment


@pytest.fixture
def environment(clean: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment of a test's own that has what the clean one has."""
    return clean.beside(tmp_path_factory.mktemp("environment") / "own")


@pytest.fixture
def confined(environment: Environment, worker_id: str) -> Environment:
    """Return one whose commands have one core: on small products BLAS's threads wait, for thrice the processor time.

    For tests whose kind of backend has another test, on all cores: autograd, too, computes by NumPy.
    """
    if not hasattr(os, "sched_setaffinity"):
        return environment
    cores = sorted(os.sched_getaffinity(0))
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw"))
    return replace(environment, core=cores[number % len(cores)])
