"""A slip in `describe` is one line wherever a user meets it: what was wrong, and what to type instead."""

import pytest

from tests.throwaway import gradsuite, install

PLUGIN = """
from gradsuite import hookimpl
from gradsuite.backend import Backend, BackendInfo

class Slip(Backend):
    name = "slip"
    def describe(self):
        return BackendInfo(name="slip", versions={{"slip": "1.0"}}, dtypes=("float64",), cells=("rnn",), {slip})
    def build(self, model, parameters, **place):
        raise NotImplementedError

@hookimpl
def register_backends(register):
    register(Slip)
"""
ALONE = {"GRADSUITE_DISABLE_PLUGINS": "jax,numpy,peers,torch"}  # nothing else to start a worker for
SLIPS = {
    'device=("cpu",)': "unknown field of BackendInfo 'device'; did you mean 'devices'?",
    'devices=("cpu",), features=("stacked",)': "unknown feature of slip 'stacked'; did you mean 'stack'?",
}


@pytest.fixture(params=SLIPS)
def slipped(request, tmp_path):
    install(tmp_path, "slip", PLUGIN.format(slip=request.param))
    return tmp_path, SLIPS[request.param]


@pytest.mark.parametrize("command", [("check", "slip"), ("run", "speed", "--preset", "quick", "--backend", "slip")])
def test_a_command_that_needs_the_backend_says_it_in_one_line(slipped, command):
    folder, message = slipped
    done = gradsuite(folder, *command, **ALONE)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert message in line


def test_the_list_of_backends_says_it_beside_the_others(slipped):
    folder, message = slipped
    done = gradsuite(folder, "backends", **ALONE)
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if "slip" in line]
    assert line.startswith("not available: slip: ")
    assert message in line
    assert "Traceback" not in done.stdout + done.stderr
