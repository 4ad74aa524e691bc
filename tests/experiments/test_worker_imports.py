"""A measuring worker imports nothing that draws, reads rows or checks conformance: its memory would hold them.

And no module of any experiment imports a framework: their other tests are not run again where there is none (tox.ini).
"""

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


EVERY_MODULE = """
import sys
from importlib import import_module
from pkgutil import walk_packages
import gradsuite_experiments as package
names = [module.name for module in walk_packages(package.__path__, f"{package.__name__}.")]
assert len(names) > 50
for name in names:
    import_module(name)
print(*({"torch", "jax"} & set(sys.modules)))
"""


def test_no_module_of_an_experiment_imports_a_framework():
    imported = subprocess.run([sys.executable, "-P", "-c", EVERY_MODULE], capture_output=True, text=True, check=True)
    assert imported.stdout.split() == []
