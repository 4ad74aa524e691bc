"""What trials share is noticed when it changes, and nothing that they do as a rule is taken for a change."""

import importlib
import os
import sys
import time

import numpy as np
import pytest
from gradsuite.worker.shared import SHOWN, Shared


def test_work_is_no_change():
    before = Shared()
    with np.errstate(all="ignore"):
        np.linalg.norm(np.random.default_rng(0).standard_normal(9) / np.float64(0))
    np.random.seed(0)  # noqa: NPY002  what an experiment draws from is its own affair
    time.tzset()
    assert before.changes() == []


def test_each_change_is_named_and_gone_once_it_is_undone(monkeypatch, tmp_path):
    before = Shared()
    with monkeypatch.context() as context:
        context.setattr(np, "add", np.subtract)
        context.setattr(np, "pi", 3.0)
        context.delattr(np.linalg, "norm")
        context.setenv("PATH", "elsewhere")
        context.chdir(tmp_path)
        found = before.changes()
    assert found == ["numpy.add", "numpy.pi", "numpy.linalg.norm", "the variable PATH", "the working directory"]
    assert before.changes() == []


def test_many_changes_are_counted(monkeypatch):
    before = Shared()
    for number in range(SHOWN + 3):
        monkeypatch.setenv(f"SHARED_{number}", "")
    assert before.changes() == [*(f"the variable SHARED_{number}" for number in range(SHOWN)), "3 more"]


@pytest.mark.parametrize(("before", "changes"), [(None, []), ("0", ["the variable SHARED"])])
def test_what_an_import_adds_to_the_environment_is_its_own(monkeypatch, tmp_path, before, changes):
    if before:
        monkeypatch.setenv("SHARED", before)
    (tmp_path / "setting_a_variable.py").write_text("import os\nos.environ['SHARED'] = '1'\n")
    monkeypatch.syspath_prepend(tmp_path)
    shared = Shared()
    try:
        importlib.import_module("setting_a_variable")
        assert shared.changes() == changes
    finally:
        sys.modules.pop("setting_a_variable", None)
        os.environ.pop("SHARED", None)


def test_a_package_adds_variables_of_its_own_name(monkeypatch):
    for name in (own := ("TORCHINDUCTOR_CACHE_DIR", "_TORCHINDUCTOR_PYOBJECT_TENSOR_DATA_PTR")):
        monkeypatch.delenv(name, raising=False)  # PyTorch may have set it in an earlier test
    before = Shared(["Torch"])
    for name in own:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("SHARED", "1")
    assert before.changes() == ["the variable SHARED"]
    there = Shared(["Torch"])
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "nowhere")
    assert there.changes() == ["the variable TORCHINDUCTOR_CACHE_DIR"]
