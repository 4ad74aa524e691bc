"""What `import gradsuite` gives: every name in the table, nothing heavy before it is used, and runs from Python."""

import ast
import subprocess
import sys
from pathlib import Path

import gradsuite
import numpy as np
import pytest
from gradsuite.errors import UserError
from matplotlib.figure import Figure

SMALL = {"preset": "quick", "backend": "numpy", "set": {"law": "orthogonal", "hidden_size": 16, "seeds": 5}}


@pytest.mark.parametrize("name", gradsuite.__all__)
def test_every_name_can_be_had_and_is_listed(name):
    assert getattr(gradsuite, name) is not None
    assert name in dir(gradsuite)


def test_type_checkers_see_the_same_table():
    tree = ast.parse(Path(gradsuite.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.asname for node in block.body for alias in node.names}
    assert imported == set(gradsuite.FRONT_DOOR)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(AttributeError, match="has no attribute 'Modell'; did you mean 'Model'"):
        gradsuite.Modell  # noqa: B018


def test_the_import_is_light():
    code = (
        "import sys, gradsuite\n"
        "heavy = {'numpy', 'pandas', 'matplotlib', 'click', 'pluggy', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "gradsuite.hookimpl\n"
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "imports",
    [
        "import gradsuite",
        "import gradsuite; from gradsuite.backend import Batch",
        "import gradsuite.backend, gradsuite",
    ],
)
def test_backend_is_a_module_and_a_function_in_every_order_of_imports(imports):
    code = f"{imports}\nbackend = gradsuite.backend('numpy')\nfrom gradsuite.backend import Backend\n"
    subprocess.run([sys.executable, "-c", f"{code}assert isinstance(backend, Backend)"], check=True)


def test_a_backend_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="unknown backend 'nunpy'; did you mean 'numpy'"):
        gradsuite.backend("nunpy")


def test_a_network_is_built_in_a_few_lines():
    model = gradsuite.Model("rnn", input_size=2, hidden_size=4, output_size=1)
    network = gradsuite.backend("numpy").build(model, gradsuite.initialise(model, seed=0), dtype="float64")
    batch = network.put(gradsuite.Batch(np.ones((5, 3, 2)), np.zeros((3, 1))))
    gradients = network.fetch_gradients(network.backward(network.forward(batch, states=True)))
    assert gradients.states.shape == (5, 1, 3, 4)


def test_a_run_from_python_is_the_run_that_is_loaded_again(tmp_path, capfd):
    run = gradsuite.run("exact-depth", out=str(tmp_path), **SMALL)
    assert capfd.readouterr() == ("", "")
    assert set(run.trials["status"]) == {"ok"}
    assert set(run.claims["verdict"]) == {"holds"}
    assert (run.path / "report.html").exists()

    again = gradsuite.load(run.path)
    assert again.measurements.equals(run.measurements)
    assert again.frame("exact-depth")["hidden_size"].unique().tolist() == [16]
    assert "exact-depth" in again.figures
    assert isinstance(again.figure("exact-depth"), Figure)
    with pytest.raises(UserError, match="unknown figure of this run 'exact-dept'; did you mean 'exact-depth'"):
        again.figure("exact-dept")
    with pytest.raises(UserError, match="unknown experiment of this run 'gates'"):
        again.frame("gates")
    count = len(run.claims)
    assert repr(again) == f"<gradsuite run {str(run.path)!r}: 1 ok; {count} of {count} claims hold>"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experiment": "exact-dept"}, "unknown experiment 'exact-dept'; did you mean 'exact-depth'"),
        ({"backend": ["numpi"]}, "unknown backend 'numpi'; did you mean 'numpy'"),
        ({"presett": "quick"}, "unexpected keyword argument 'presett'"),
        ({"set": {"hidden_size": []}}, "setting 'hidden_size' was given no value"),
        ({"device": "abacus"}, "no backend has the device 'abacus'"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        gradsuite.run(
            **{"experiment": "exact-depth", "backend": "numpy", "preset": "quick", "out": str(tmp_path)} | options
        )
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_not_there_is_refused_with_the_one_beside_it(tmp_path):
    with pytest.raises(UserError, match="unknown run"):
        gradsuite.load(tmp_path / "nothing")


def test_a_check_from_python_says_what_failed():
    backend = gradsuite.backend("numpy")
    verdicts = gradsuite.check(backend, dtype="float16", device=["cpu"])
    assert verdicts.passed
    assert verdicts.failed == []
    assert len(verdicts.frame) == len(verdicts)
    assert set(verdicts.frame["dtype"]) == {"float16"}
    assert repr(verdicts).startswith("<check of numpy: ")
    with pytest.raises(UserError, match="unknown dtype of numpy 'float61'"):
        gradsuite.check(backend, dtype="float61")


def test_a_check_of_a_faulty_backend_does_not_pass():
    class Faulty(type(gradsuite.backend("numpy"))):
        def build(self, *arguments, **options):
            network = super().build(*arguments, **options)
            backward = network.backward
            network.backward = lambda tape: doubled(backward(tape))
            return network

    def doubled(gradients):
        gradients.parameters = {name: 2 * gradient for name, gradient in gradients.parameters.items()}
        return gradients

    verdicts = gradsuite.check(Faulty(), dtype="float16")
    assert not verdicts.passed
    assert verdicts.failed
    assert "failed" in repr(verdicts).splitlines()[1]


def test_nothing_checked_is_not_passed():
    from gradsuite.conformance.verdicts import Verdicts

    assert not Verdicts("numpy", []).passed
