"""A measuring worker imports nothing that draws, reads rows or checks conformance: its memory would hold them."""

import subprocess
import sys

import pytest
from gradsuite.plugins import load

UNWANTED = ("matplotlib", "pandas", "seaborn", "gradsuite.conformance")
IMPORTING = f"""
import sys
import gradsuite.worker.serve
from gradsuite.plugins import load
load().get("experiment", sys.argv[1])
print(*(name for name in {UNWANTED} if name in sys.modules))
"""


@pytest.mark.parametrize("experiment", sorted(load().experiments))
def test_a_worker_that_has_an_experiment_has_imported_only_what_measures(experiment):
    command = [sys.executable, "-P", "-c", IMPORTING, experiment]
    imported = subprocess.run(command, capture_output=True, text=True, check=True)
    assert imported.stdout.split() == []
