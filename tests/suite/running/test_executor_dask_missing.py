import sys

import pytest
from gradsuite.errors import UserError
from gradsuite.machine.facts import machine
from gradsuite.plugins import Plugins
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors import open_executor


def test_without_distributed_the_dask_executor_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setattr("gradsuite.running.executors.require_scheduler", lambda address: None)  # there is one
    monkeypatch.delitem(sys.modules, "gradsuite.running.executors.dask", raising=False)
    with pytest.raises(UserError, match=r'needs distributed: python -m pip install "gradsuite\[dask\]"'):
        open_executor(Configuration(executor="dask", scheduler="tcp://127.0.0.1:8786"), Plugins(), machine())
