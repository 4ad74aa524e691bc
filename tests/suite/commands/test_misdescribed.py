"""A slip in `describe` is one line wherever a user meets it: what was wrong, and what to type instead."""

import os
import sys

import pytest

from tests.throwaway import install

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
OTHERS = "jax,numpy,peers,torch"  # of which no worker has to be started
SLIPS = {
    'device=("cpu",)': "unknown field of BackendInfo 'device'; did you mean 'devices'?",
    'devices=("cpu",), features=("stacked",)': "unknown feature of slip 'stacked'; did you mean 'stack'?",
}


@pytest.fixture(params=SLIPS)
def slipped(request, tmp_path, monkeypatch):
    """Install the backend for this process and its workers, and return what is said of it."""
    install(tmp_path, "slip", PLUGIN.format(slip=request.param))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", OTHERS)
    monkeypatch.syspath_prepend(tmp_path)
    yield SLIPS[request.param]
    sys.modules.pop("slip_plugin", None)


@pytest.mark.parametrize("line", ["check slip", "run speed --preset quick --backend slip"])
def test_a_command_that_needs_the_backend_says_it_in_one_line(slipped, type_line, line):
    status, output, errors = type_line(line)
    assert status == 2, output + errors
    (said,) = errors.splitlines()
    assert slipped in said


def test_the_list_of_backends_says_it_beside_the_others(slipped, type_line):
    status, output, errors = type_line("backends")
    assert status == 0
    (said,) = [line for line in output.splitlines() if "slip" in line]
    assert said.startswith("not available: slip: ")
    assert slipped in said
    assert "Traceback" not in output + errors
